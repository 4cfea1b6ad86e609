// SPDX-License-Identifier: Apache-2.0
// GMPO's ratio: the geometric mean of token ratios, each clipped inside the mean (arXiv 2507.20673, eq. 4),
//   exp(mean_t(sgn(A) min(sgn(A) log r_t, sgn(A) clamp(log r_t, -low, high)))).
// The bounds are distances of log r from 0. verl's `geo_mean` takes `clip_ratio` (0.2) where the paper has 0.4.
#pragma once

#include <concepts>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/ratio.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

struct GeometricRatio {
  double low = 0.4;
  double high = 0.4;

  static constexpr std::string_view name = "GeometricRatio";
  static constexpr Scope scope = Scope::Sequence;
  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"epsilon", "log r is clipped below -epsilon", or_infinite(at_least(0))}, self.low);
    visit(Option{"epsilon_high", "and above epsilon_high", or_infinite(at_least(0)), "epsilon"}, self.high);
  }

  template <std::floating_point T>
  struct Stat {
    T log_ratio = 0;
  };

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Stat<T> prepare(Token<T> const& t) const {
    T const log_ratio = t.log_p - t.log_p_old;
    T const sign = t.advantage < 0 ? T(-1) : T(1);
    return {sign * smaller(sign * log_ratio, sign * clamped(log_ratio))};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr Stat<T> combine(Stat<T> a, Stat<T> b) {
    return {a.log_ratio + b.log_ratio};
  }
  /// 1 where the token's log-ratio enters unclipped, 0 where its bound stands for it. Inside includes the bounds, and
  /// a tie of min gives each side half, as in torch: inside, both sides move alike.
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T d_prepare(Token<T> const& t) const {
    T const log_ratio = t.log_p - t.log_p_old;
    bool const inside = log_ratio >= -static_cast<T>(low) && log_ratio <= static_cast<T>(high);
    bool const takes_plain = t.advantage < 0 ? log_ratio > clamped(log_ratio) : log_ratio < clamped(log_ratio);
    return inside || takes_plain ? T(1) : T(0);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t, Stat<T> sum) const {
    T const s = exponential(sum.log_ratio / t.length);
    return {.value = s, .d_stat = s / t.length};
  }

 private:
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T clamped(T x) const {
    return smaller(larger(x, -static_cast<T>(low)), static_cast<T>(high));
  }
};

}  // namespace grove
