// SPDX-License-Identifier: Apache-2.0
// PPO's clipped surrogate, -min(r A, clip(r, 1 - low, 1 + high) A) (arXiv 1707.06347, eq. 7), with both bounds of its
// own (DAPO's clip-higher, arXiv 2503.14476).
#pragma once

#include <array>
#include <concepts>
#include <string_view>

#include "grove/host_device.hpp"
#include "grove/scalar.hpp"

namespace grove {

/// A surrogate's answer: loss and its derivative with respect to the ratio.
template <std::floating_point T, std::size_t Metrics>
struct SurrogateValue {
  T loss = 0;
  T d_ratio = 0;
  std::array<T, Metrics> metrics{};
};

struct Clip {
  double low = 0.2;   ///< epsilon: the ratio's lower bound is 1 - low
  double high = 0.2;  ///< epsilon_high: the ratio's upper bound is 1 + high

  static constexpr std::string_view name = "Clip";
  /// TRL's: the share of tokens below the lower bound with a negative advantage, above the upper one with a positive.
  static constexpr std::array<std::string_view, 3> metric_names = {"clip_ratio/low_mean", "clip_ratio/high_mean",
                                                                   "clip_ratio/region_mean"};

  /// Kinks follow torch's `clamp` (inside includes the bounds) and `min` (a tie gives each side half).
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 3> operator()(T ratio, T advantage) const {
    T const lower = static_cast<T>(1 - low);
    T const upper = static_cast<T>(1 + high);
    bool const inside = ratio >= lower && ratio <= upper;
    T const plain = ratio * advantage;
    T const clipped = smaller(larger(ratio, lower), upper) * advantage;
    T const d_clipped = inside ? advantage : T(0);
    T const share = plain < clipped ? T(1) : (plain == clipped ? T(0.5) : T(0));
    T const is_low = ratio < lower && advantage < 0 ? T(1) : T(0);
    T const is_high = ratio > upper && advantage > 0 ? T(1) : T(0);
    return {-smaller(plain, clipped),
            -(share * advantage + (T(1) - share) * d_clipped),
            {is_low, is_high, is_low + is_high}};
  }
};

}  // namespace grove
