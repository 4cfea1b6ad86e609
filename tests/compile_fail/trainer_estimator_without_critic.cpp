// expect: grove::Trainer: the advantage estimator reads a column that the policy does not provide (values, for example); use WithValueHead<P>, or an estimator without a critic such as GroupRelative.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

/// Asks for a critic's values.
struct OverValues {
  static constexpr grove::ColumnSet needs = grove::Column::Value;
  static constexpr bool needs_groups = false;
  static std::string describe() { return "OverValues"; }
  template <class T>
  void operator()(grove::EstimatorInput<T> const&, grove::EstimatorOutput<T>) const {}
};
using Mine = grove::Algorithm<OverValues, grove::Grpo::objective_type>;

grove::Trainer trainer(Mine{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{});
