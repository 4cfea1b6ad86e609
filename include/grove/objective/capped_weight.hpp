// SPDX-License-Identifier: Apache-2.0
// CISPO's surrogate: a clipped ratio as constant weight of the policy gradient, -sg(clip(r)) A log p, so that every
// token keeps a gradient (MiniMax-M1, arXiv 2506.13585, eq. 4). What "clip" means is a type, because the peers differ:
// TRL's `epsilon_high` is the largest weight itself (its default, 0.2, makes every weight at most 0.2), verl's bounds
// are distances from 1 (its default lets weights lie in [0.8, 1.2]).
#pragma once

#include <array>
#include <concepts>
#include <string_view>

#include "grove/host_device.hpp"
#include "grove/objective/surrogate.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

/// min(r, cap). ScaleRL (arXiv 2510.13786) uses 4 to 8.
struct AbsoluteCap {
  double cap = 5;

  static constexpr std::string_view name = "AbsoluteCap";

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"epsilon_high", "largest weight of a token (absolute, as in TRL)", or_infinite(above(0))}, self.cap);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(T ratio) const {
    return smaller(ratio, static_cast<T>(cap));
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr bool is_above(T ratio) const {
    return ratio > static_cast<T>(cap);
  }
};

/// clip(r, 1 - low, 1 + high).
struct EpsilonBand {
  double low = 1;
  double high = 4;

  static constexpr std::string_view name = "EpsilonBand";

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"epsilon", "weights are at least 1 - epsilon", or_infinite(at_least(0))}, self.low);
    visit(Option{"epsilon_high", "weights are at most 1 + epsilon_high (as in verl)", or_infinite(at_least(0))},
          self.high);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(T ratio) const {
    return smaller(larger(ratio, static_cast<T>(1 - low)), static_cast<T>(1 + high));
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr bool is_above(T ratio) const {
    return ratio > static_cast<T>(1 + high);
  }
};

template <class B>
concept WeightBound = requires(B const& bound) {
  { bound(1.0) } -> std::same_as<double>;
  { bound.is_above(1.0) } -> std::same_as<bool>;
  { B::name } -> std::convertible_to<std::string_view>;
};

template <class B = AbsoluteCap>
struct CappedWeight {
  static_assert(WeightBound<B>,
                "grove::CappedWeight: its argument says how the weight is bounded: AbsoluteCap (TRL's meaning of "
                "epsilon_high) or EpsilonBand (verl's).");

  B bound{};

  static constexpr std::string_view name = "CappedWeight";
  static constexpr std::array<std::string_view, 1> metric_names = {"cispo_clip_ratio"};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit_options(self.bound, visit);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 1> operator()(T ratio, Token<T> const& t) const {
    T const weight = bound(ratio) * t.advantage;
    return {.loss = -weight * t.log_p,
            .d_log_p = -weight,
            .metrics = {indicator<T>(bound.is_above(ratio) & (t.advantage > 0))}};
  }
};

}  // namespace grove
