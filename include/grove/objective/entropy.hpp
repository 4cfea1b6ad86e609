// SPDX-License-Identifier: Apache-2.0
// Reward for staying undecided, as a term of the loss.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>

#include "grove/checkpoint/state.hpp"
#include "grove/columns.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/selection.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"

namespace grove {

/// A coefficient that stays.
struct FixedEntropy {
  static constexpr std::string_view name{};
  template <class Self, class Visit>
  static void options(Self&, Visit&&) {}
  static constexpr bool adapts() { return false; }
  double applied(double coefficient) const { return coefficient; }
  void adapt(double&, double) const {}
};

/// Skywork-OR1's controller (arXiv 2505.22312, section 4.3): the coefficient grows by delta after a step whose mean
/// entropy was at most the target and shrinks by it otherwise, and acts only while entropy is at most the target.
struct AdaptiveEntropy {
  double target = 0.2;
  double delta = 0.005;
  double min = 0;
  double max = 1;
  double last = std::numeric_limits<double>::max();  ///< mean entropy of the last step: state, not an option

  static constexpr std::string_view name = "AdaptiveEntropy";
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"entropy_target", "mean entropy below which the bonus acts and grows", at_least(0)}, self.target);
    visit(Option{"entropy_coef_delta", "change of the coefficient in a step", at_least(0)}, self.delta);
    visit(Option{"entropy_coef_min", "smallest coefficient", at_least(0)}, self.min);
    visit(Option{.name = "entropy_coef_max",
                 .help = "largest coefficient",
                 .range = or_infinite(at_least(0)),
                 .floor = {"entropy_coef_min"}},
          self.max);
  }
  static constexpr bool adapts() { return true; }
  double applied(double coefficient) const { return last <= target ? coefficient : 0.0; }
  void adapt(double& coefficient, double entropy) {
    coefficient = std::clamp(coefficient + (entropy <= target ? delta : -delta), min, max);
    last = entropy;
  }
  void state(State& s) { s("last", last); }
};

/// -coefficient * entropy (arXiv 1602.01783, section 4), as a mean over tokens however the objective weighs its other
/// terms (TRL's convention). With a selection, over the selected tokens.
template <class C = FixedEntropy, class A = TokenMean<Window>, class S = NoSelection>
struct EntropyBonus {
  double coefficient = 0;
  [[no_unique_address]] C control{};
  [[no_unique_address]] A aggregate{};

  using selection_type = S;
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = Column::Entropy;
  static constexpr std::string_view loss_name = "entropy_loss";
  static constexpr std::array<std::string_view, 1> metric_names = {"bonus_entropy"};

  static std::string describe() { return "EntropyBonus<" + std::string(C::name) + ">"; }
  ColumnSet wanted() const { return coefficient != 0 || control.adapts() ? needs : ColumnSet{}; }
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr bool includes(Token<T> const& t) {
    return std::same_as<S, NoSelection> || t.selected != T(0);
  }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"entropy_coef", "weight of the entropy bonus"}, self.coefficient);
    C::options(self.control, visit);
  }

  void adapt(std::array<double, 1> const& means) { control.adapt(coefficient, means[0]); }
  void state(State& s) {
    if constexpr (!std::same_as<C, FixedEntropy>) s("coefficient", coefficient);
    if constexpr (Stateful<C>) s("control", control);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, 1> operator()(Token<T> const& t) const {
    auto const c = static_cast<T>(control.applied(coefficient));
    return {.loss = -c * t.entropy, .d_entropy = -c, .metrics = {t.entropy}};
  }
};

}  // namespace grove
