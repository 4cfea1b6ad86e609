// expect: grove::Trainer: this policy is updated token by token, which leaves no sequence to speak of; use TokenMean and terms of Scope::Token.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/pendulum.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/reward/environment.hpp"

using namespace grove;

using Mine = Algorithm<Gae, Terms<SequenceMean<>, PolicyGradient<SequenceRatio, Clip>, ValueLoss<>>>;

Trainer trainer(Mine{}, control::ActorCriticFor<control::CartPole>{},
                control::VectorEnv<control::CartPole>({.environments = 2}), EnvironmentReward{});
