// expect: grove::Trainer: the advantage estimator reads a column that the policy does not provide (values, for example); use WithValueHead<P>, or an estimator without a critic such as GroupRelative.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

struct NoSquares : SoftmaxBandit {
  using SoftmaxBandit::SoftmaxBandit;
  static constexpr grove::ColumnSet provides = {grove::Column::LogProb, grove::Column::Entropy};
};

grove::Trainer trainer(grove::Otb{}, NoSquares(2), PullArms{}, grove::EnvironmentReward{});
