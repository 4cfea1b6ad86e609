// SPDX-License-Identifier: Apache-2.0
// What a surrogate is: the loss of one token as a function of its probability ratio and its advantage. The plain ones,
// which bound nothing, are here; each other has a file of its own.
#pragma once

#include <array>
#include <concepts>
#include <string_view>

#include "grove/host_device.hpp"
#include "grove/objective/token.hpp"

namespace grove {

/// A surrogate's answer: loss and its derivatives with respect to the ratio and, where it multiplies the log-prob
/// itself, with respect to that.
template <std::floating_point T, std::size_t Metrics>
struct SurrogateValue {
  T loss = 0;
  T d_ratio = 0;
  T d_log_p = 0;
  std::array<T, Metrics> metrics{};
};

/// `operator()(T ratio, Token<T> const&)` returns a SurrogateValue.
template <class S>
concept Surrogate = requires(S const& s, Token<double> const& token) {
  { s(1.0, token).loss } -> std::convertible_to<double>;
  { s(1.0, token).d_ratio } -> std::convertible_to<double>;
  { s(1.0, token).d_log_p } -> std::convertible_to<double>;
  { S::name } -> std::convertible_to<std::string_view>;
  S::metric_names.size();
};

/// -r A: importance-weighted policy gradient without a bound.
struct Plain {
  static constexpr std::string_view name = "Plain";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 0> operator()(T ratio, Token<T> const& t) const {
    return {.loss = -ratio * t.advantage, .d_ratio = -t.advantage, .metrics = {}};
  }
};

/// -sg(r) A log p: REINFORCE (Williams 1992) with the ratio, if the level has one, as a constant weight.
struct LogProbability {
  static constexpr std::string_view name = "LogProbability";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 0> operator()(T ratio, Token<T> const& t) const {
    T const weight = ratio * t.advantage;
    return {.loss = -weight * t.log_p, .d_log_p = -weight, .metrics = {}};
  }
};

}  // namespace grove
