// SPDX-License-Identifier: Apache-2.0
// The critic's term: vf_coef / 2 max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2), as a mean over tokens
// (arXiv 1707.06347, eq. 9, with the clipping of the authors' implementation).
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

template <class A = TokenMean<Window>>
struct ValueLoss {
  double coefficient = 0.1;  ///< TRL's for language models; 0.5 is usual in control
  double clip = 0.2;         ///< how far V may move from its old value; TRL 0.2, verl 0.5
  [[no_unique_address]] A aggregate{};

  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::Value, Column::OldValue};
  static constexpr std::string_view loss_name = "value_loss";
  static constexpr std::array<std::string_view, 2> metric_names = {"value_mean", "value_clip_ratio"};

  static std::string describe() { return "ValueLoss"; }
  ColumnSet wanted() const { return needs; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"vf_coef", "weight of the value loss", at_least(0)}, self.coefficient);
    visit(Option{"cliprange_value", "a value is clipped to so much around its old one", or_infinite(at_least(0))},
          self.clip);
  }

  /// Kinks follow torch: `clamp` passes the derivative on its bounds, a tie of `max` gives each side half.
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, 2> operator()(Token<T> const& t) const {
    T const c = static_cast<T>(clip);
    T const weight = static_cast<T>(coefficient);
    T const lower = t.value_old - c, upper = t.value_old + c;
    T const inside = indicator<T>((t.value >= lower) & (t.value <= upper));
    T const plain = t.value - t.return_;
    T const bounded = smaller(larger(t.value, lower), upper) - t.return_;
    T const plain2 = plain * plain, bounded2 = bounded * bounded;
    T const share = share_of_min(-plain2, -bounded2);
    T const d = share * plain + (T(1) - share) * inside * bounded;
    return {.loss = weight / 2 * larger(plain2, bounded2),
            .d_value = weight * d,
            .metrics = {t.value, indicator<T>(bounded2 > plain2)}};
  }
};

}  // namespace grove
