// expect: grove::Trainer: the objective reads a column that the policy does not provide; leave the term out or use a policy that computes it.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

using Mine = grove::Algorithm<grove::GroupRelative<>,
                              grove::Terms<grove::TokenMean<>, grove::PolicyGradient<>, grove::ValueLoss<>>>;

grove::Trainer trainer(Mine{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{});
