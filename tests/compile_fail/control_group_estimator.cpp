// expect: grove::Trainer: the advantage estimator compares answers to one problem, and this rollout collects none; use an estimator with a critic such as Gae.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/pendulum.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/reward/environment.hpp"

using namespace grove;

Trainer trainer(LitePpo{}, control::ActorCriticFor<control::CartPole>{},
                control::VectorEnv<control::CartPole>({.environments = 2}), EnvironmentReward{});
