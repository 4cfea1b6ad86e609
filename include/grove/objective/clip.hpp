// SPDX-License-Identifier: Apache-2.0
// PPO's clipped surrogate, -min(r A, clip(r, 1 - low, 1 + high) A) (arXiv 1707.06347, eq. 7), with both bounds of its
// own (DAPO's clip-higher, arXiv 2503.14476), and the two ways to bound what it leaves open.
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/host_device.hpp"
#include "grove/objective/surrogate.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

struct Clip {
  double low = 0.2;   ///< epsilon: the ratio's lower bound is 1 - low
  double high = 0.2;  ///< epsilon_high: the ratio's upper bound is 1 + high

  static constexpr std::string_view name = "Clip";
  /// TRL's: the share of tokens below the lower bound with a negative advantage, above the upper one with a positive.
  static constexpr std::array<std::string_view, 3> metric_names = {"clip_ratio/low_mean", "clip_ratio/high_mean",
                                                                   "clip_ratio/region_mean"};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"epsilon", "the ratio is clipped below 1 - epsilon", or_infinite(at_least(0))}, self.low);
    visit(Option{"epsilon_high", "and above 1 + epsilon_high", or_infinite(at_least(0)), "epsilon"}, self.high);
  }

  /// The minimum is the clipped side exactly where a ratio below the bounds meets a negative advantage or one above
  /// them a positive. A ratio on a bound is inside, as for torch's `clamp`.
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 3> operator()(T ratio, Token<T> const& t) const {
    T const lower = static_cast<T>(1 - low);
    T const upper = static_cast<T>(1 + high);
    bool const is_low = (ratio < lower) & (t.advantage < 0);
    bool const is_high = (ratio > upper) & (t.advantage > 0);
    T const bounded = choose(is_low, lower, choose(is_high, upper, ratio));
    return {.loss = -bounded * t.advantage,
            .d_ratio = -choose(is_low | is_high, T(0), t.advantage),
            .metrics = {indicator<T>(is_low), indicator<T>(is_high), indicator<T>(is_low | is_high)}};
  }
};

/// A clipped surrogate whose loss is at most -c A for a negative advantage, where clipping leaves a large ratio
/// unbounded (arXiv 1912.09729, eq. 5). verl's default surrogate, with c = 3.
template <class S = Clip>
struct DualClip {
  static_assert(
      std::same_as<S, Clip>,
      "grove::DualClip: only Clip leaves a large ratio of a negative advantage unbounded; a surrogate that "
      "holds the ratio constant (CappedWeight) or bounds it itself has nothing for a second bound to act on.");

  S inner{};
  double c = 3;

  static constexpr std::string_view name = "DualClip";
  static constexpr std::array<std::string_view, 4> metric_names = {S::metric_names[0], S::metric_names[1],
                                                                   S::metric_names[2], "clip_ratio/dual_mean"};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit_options(self.inner, visit);
    visit(
        Option{"dual_clip", "ratio at which the loss of a negative advantage stops growing", or_infinite(at_least(1))},
        self.c);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 4> operator()(T ratio, Token<T> const& t) const {
    auto const v = inner(ratio, t);
    T const limit = -static_cast<T>(c) * t.advantage;
    T const negative = indicator<T>(t.advantage < 0);
    T const bounded = negative * share_of_min(limit, v.loss);
    return {.loss = t.advantage < 0 ? smaller(v.loss, limit) : v.loss,
            .d_ratio = (T(1) - bounded) * v.d_ratio,
            .metrics = {v.metrics[0], v.metrics[1], v.metrics[2], negative * indicator<T>(v.loss > limit)}};
  }
};

/// A clipped surrogate whose unclipped side takes min(r, delta) (INTELLECT-2, arXiv 2505.07291, eq. 2; TRL's `delta`).
template <class S = Clip>
struct TwoSided {
  static_assert(std::same_as<S, Clip>,
                "grove::TwoSided: it bounds the unclipped side of Clip; a surrogate that holds the ratio constant "
                "(CappedWeight) or bounds it itself has no such side.");

  S inner{};
  double delta = 4;

  static constexpr std::string_view name = "TwoSided";
  static constexpr auto metric_names = S::metric_names;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit_options(self.inner, visit);
    visit(Option{.name = "delta",
                 .help = "upper bound of the unclipped ratio; greater than 1 + epsilon",
                 .range = or_infinite(above(1)),
                 .floor = {"epsilon", 1, true}},
          self.delta);
  }

  /// min(min(r, delta) A, clip(r) A).
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 3> operator()(T ratio, Token<T> const& t) const {
    T const bound = static_cast<T>(delta);
    T const lower = static_cast<T>(1 - inner.low);
    T const upper = static_cast<T>(1 + inner.high);
    T const plain = smaller(ratio, bound) * t.advantage;
    T const clipped = smaller(larger(ratio, lower), upper) * t.advantage;
    T const d_plain = indicator<T>(ratio <= bound) * t.advantage;
    T const d_clipped = indicator<T>((ratio >= lower) & (ratio <= upper)) * t.advantage;
    T const share = share_of_min(plain, clipped);
    return {.loss = -smaller(plain, clipped),
            .d_ratio = -(share * d_plain + (T(1) - share) * d_clipped),
            .metrics = inner(ratio, t).metrics};
  }
};

}  // namespace grove
