// SPDX-License-Identifier: Apache-2.0
// -log p, over all tokens or over those of right answers.
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"

namespace grove {

/// Supervised next-token loss over the tokens that count. Used for warm-up, with no rollout behind it.
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

/// VAPO's positive-example term (arXiv 2504.05118, eq. 10): mu times the mean of -log p over the tokens of sequences
/// with a positive reward.
struct PositiveExampleNll {
  double coefficient = 0.1;
  TokenMean<Window> aggregate{};

  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::LogProb, Column::Reward};
  static constexpr std::string_view loss_name = "positive_nll_loss";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  static std::string describe() { return "PositiveExampleNll"; }
  ColumnSet wanted() const { return coefficient != 0 ? needs : ColumnSet{}; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"positive_nll_coef", "weight of the log-likelihood of right answers", at_least(0)}, self.coefficient);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr bool includes(Token<T> const& t) {
    return t.reward > T(0);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, 0> operator()(Token<T> const& t) const {
    auto const c = static_cast<T>(coefficient);
    return {.loss = -c * t.log_p, .d_log_p = -c, .metrics = {}};
  }
};

}  // namespace grove
