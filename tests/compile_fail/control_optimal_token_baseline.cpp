// expect: grove::Trainer: the advantage estimator reads a column that the policy does not provide (values, for example); use WithValueHead<P>, or an estimator without a critic such as GroupRelative.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/pendulum.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/reward/environment.hpp"

using namespace grove;

Trainer trainer(Otb{}, control::ActorCriticFor<control::CartPole>{},
                control::VectorEnv<control::CartPole>({.environments = 2}), EnvironmentReward{});
