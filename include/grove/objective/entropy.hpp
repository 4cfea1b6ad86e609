// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/token.hpp"

namespace grove {

/// -coefficient * entropy: rewards a policy for staying undecided (arXiv 1602.01783, section 4).
struct EntropyBonus {
  double coefficient = 0;

  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = Column::Entropy;
  static constexpr std::string_view loss_name = "entropy_loss";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  static std::string describe() { return "EntropyBonus"; }
  ColumnSet wanted() const { return coefficient != 0 ? needs : ColumnSet{}; }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, 0> operator()(Token<T> const& t) const {
    auto const c = static_cast<T>(coefficient);
    return {.loss = -c * t.entropy, .d_entropy = -c, .metrics = {}};
  }
};

}  // namespace grove
