// SPDX-License-Identifier: Apache-2.0
// What an algorithm *is*: how rewards become advantages and advantages a loss, and, where it says so, what happens to
// rewards before and which groups are trained on at all. The numbers are members of the pieces.
#pragma once

#include <concepts>
#include <string>

#include "grove/checkpoint/state.hpp"
#include "grove/concepts.hpp"
#include "grove/option.hpp"
#include "grove/reward/group_filter.hpp"
#include "grove/reward/shaping.hpp"

namespace grove {

template <class A, class O, class S = AsJudged, class F = KeepAllGroups>
struct Algorithm {
  static_assert(AdvantageEstimator<A>,
                "grove::Algorithm: the first argument is no advantage estimator; it needs `needs`, `needs_groups`, "
                "`describe()` and `operator()(EstimatorInput<T>, EstimatorOutput<T>)`.");
  static_assert(Objective<O>,
                "grove::Algorithm: the second argument is no objective; use Terms<Aggregate, Term...>, for example "
                "Terms<SequenceMean<Window>, PolicyGradient<TokenRatio, Clip>>.");
  static_assert(RewardShaping<S>,
                "grove::Algorithm: the third argument shapes rewards: AsJudged, KlInReward<K1> or a RewardShaping of "
                "your own.");
  static_assert(GroupFilter<F>,
                "grove::Algorithm: the fourth argument says which groups are trained on: KeepAllGroups, "
                "DropUniformGroups or a GroupFilter of your own.");

  using advantage_type = A;
  using objective_type = O;
  using shaping_type = S;
  using filter_type = F;

  A advantage{};
  O objective{};
  [[no_unique_address]] S shaping{};
  [[no_unique_address]] F filter{};

  static std::string describe() {
    std::string text = "Algorithm<" + A::describe() + ", " + O::describe();
    if constexpr (!std::same_as<S, AsJudged>) text += ", " + S::describe();
    if constexpr (!std::same_as<F, KeepAllGroups>) text += ", " + F::describe();
    return text + ">";
  }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit_options(self.advantage, visit);
    visit_options(self.objective, visit);
    visit_options(self.shaping, visit);
    visit_options(self.filter, visit);
  }

  /// What adapts, for a checkpoint.
  void state(State& s) {
    if constexpr (Stateful<A>) s("advantage", advantage);
    if constexpr (Stateful<O>) s("objective", objective);
    if constexpr (Stateful<S>) s("shaping", shaping);
    if constexpr (Stateful<F>) s("filter", filter);
  }
};

}  // namespace grove
