// expect: grove::Trainer: the objective reads a column that the policy does not provide; leave the term out or use a policy that computes it.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

struct NoEntropy : SoftmaxBandit {
  using SoftmaxBandit::SoftmaxBandit;
  static constexpr grove::ColumnSet provides = grove::Column::LogProb;
};
using Mine = grove::Algorithm<grove::GroupRelative<>,
                              grove::Terms<grove::TokenMean<>, grove::PolicyGradient<>, grove::EntropyBonus<>>>;

grove::Trainer trainer(Mine{}, NoEntropy(2), PullArms{}, grove::EnvironmentReward{});
