// SPDX-License-Identifier: Apache-2.0
// Estimates of the distance to the reference policy. With delta = log p - log p_ref, Schulman's
// (http://joschu.net/blog/kl-approx.html) are k1 = delta, k2 = delta^2 / 2, k3 = exp(-delta) - 1 + delta.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "grove/host_device.hpp"
#include "grove/scalar.hpp"

namespace grove {

/// An estimate of KL(policy || reference) at one token and its derivative with respect to log p.
template <std::floating_point T>
struct KlValue {
  T value = 0;
  T d_log_p = 0;
};

struct K1 {
  static constexpr std::string_view name = "K1";
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr KlValue<T> operator()(T delta) const {
    return {delta, T(1)};
  }
};

struct K2 {
  static constexpr std::string_view name = "K2";
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr KlValue<T> operator()(T delta) const {
    return {smaller(delta * delta / 2, T(1e30)), delta};  // finite in float too
  }
};

struct K3 {
  static constexpr std::string_view name = "K3";
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr KlValue<T> operator()(T delta) const {
    T const value = exponential_remainder(-delta);
    return {value, delta - value};
  }
};

/// The value of E with the derivative of k2, which is the unbiased one on-policy: verl's `k1+` and `k3+`
/// (arXiv 2512.21852).
template <class E>
struct StraightThrough {
  static constexpr std::string_view name = E::name;
  static constexpr bool straight_through = true;
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr KlValue<T> operator()(T delta) const {
    return {E{}(delta).value, delta};
  }
};

template <class E>
concept KlEstimator = requires(E const& e) {
  { e(1.0) } -> std::same_as<KlValue<double>>;
  { E::name } -> std::convertible_to<std::string_view>;
};

namespace detail {
template <class E>
std::string kl_name() {
  auto name = std::string(E::name);
  if constexpr (requires { E::straight_through; }) return "StraightThrough<" + name + ">";
  return name;
}
}  // namespace detail

}  // namespace grove
