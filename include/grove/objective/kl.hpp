// SPDX-License-Identifier: Apache-2.0
// Penalty for leaving the reference policy, as a term of the loss. With delta = log p - log p_ref, Schulman's
// estimators (http://joschu.net/blog/kl-approx.html) are k1 = delta, k2 = delta^2 / 2, k3 = exp(-delta) - 1 + delta.
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/token.hpp"
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
    return {delta * delta / 2, delta};
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

template <class E>
concept KlEstimator = requires(E const& e) {
  { e(1.0) } -> std::same_as<KlValue<double>>;
  { E::name } -> std::convertible_to<std::string_view>;
};

/// coefficient * KL estimate, in the loss. A coefficient of 0 asks for no reference policy at all.
template <class E = K3>
struct KlInLoss {
  static_assert(KlEstimator<E>,
                "grove::KlInLoss: its argument is no KL estimator; use K3 or K2, or give yours `name` and "
                "`operator()(T delta)` that returns a KlValue.");
  static_assert(
      !std::same_as<E, K1>,
      "grove::KlInLoss<K1>: the expected gradient of k1 in the loss is zero, so it does not penalise anything; "
      "use K3 or K2 here, or k1 in the reward.");

  double coefficient = 0.04;  ///< beta; DeepSeekMath's value. TRL's default is 0

  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::LogProb, Column::RefLogProb};
  static constexpr std::string_view loss_name = "kl_loss";
  static constexpr std::array<std::string_view, 1> metric_names = {"kl"};

  static std::string describe() { return "KlInLoss<" + std::string(E::name) + ">"; }
  ColumnSet wanted() const { return coefficient != 0 ? needs : ColumnSet{}; }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, 1> operator()(Token<T> const& t) const {
    auto const kl = E{}(t.log_p - t.log_p_ref);
    auto const beta = static_cast<T>(coefficient);
    return {.loss = beta * kl.value, .d_log_p = beta * kl.d_log_p, .metrics = {kl.value}};
  }
};

}  // namespace grove
