// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/token.hpp"

namespace grove {

/// -log p: supervised next-token loss over the tokens that count. Used for warm-up, with no rollout behind it.
struct NegativeLogLikelihood {
  double coefficient = 1;

  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = Column::LogProb;
  static constexpr std::string_view loss_name = "nll_loss";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  static std::string describe() { return "NegativeLogLikelihood"; }
  ColumnSet wanted() const { return needs; }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, 0> operator()(Token<T> const& t) const {
    auto const c = static_cast<T>(coefficient);
    return {.loss = -c * t.log_p, .d_log_p = -c, .metrics = {}};
  }
};

}  // namespace grove
