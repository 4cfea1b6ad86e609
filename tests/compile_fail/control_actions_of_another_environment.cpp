// expect: grove::Trainer: the rollout cannot collect with this policy; give it a member `Trajectories collect(Policy&)` that returns the policy's own Trajectories.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/pendulum.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/reward/environment.hpp"

using namespace grove;

Trainer trainer(Ppo{}, control::ActorCriticFor<control::CartPole>{},
                control::VectorEnv<control::Pendulum>({.environments = 2}), EnvironmentReward{});
