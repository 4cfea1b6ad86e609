// SPDX-License-Identifier: Apache-2.0
// Penalty for leaving the reference policy, as a term of the loss. For the same penalty in the reward see
// reward/kl_in_reward.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/checkpoint/state.hpp"
#include "grove/columns.hpp"
#include "grove/objective/kl.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

/// The estimate as it is.
struct Unweighted {
  static constexpr std::string_view name{};
  static constexpr ColumnSet needs = {};
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr KlValue<T> operator()(KlValue<T> kl, Token<T> const&) const {
    return kl;
  }
};

/// r times the estimate, r = p / p_old differentiated too: the expectation is then under the policy that is trained
/// (DeepSeek-V3.2, arXiv 2512.02556, section 3.1; TRL's use_bias_correction_kl).
struct ImportanceWeighted {
  static constexpr std::string_view name = ", ImportanceWeighted";
  static constexpr ColumnSet needs = Column::OldLogProb;
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr KlValue<T> operator()(KlValue<T> kl, Token<T> const& t) const {
    T const r = exponential(t.log_p - t.log_p_old);
    return {bounded(r * kl.value), bounded(r * (kl.d_log_p + kl.value))};
  }

 private:
  /// Two saturated exponentials may overflow when multiplied.
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr T bounded(T x) {
    return smaller(larger(x, T(-1e30)), T(1e30));
  }
};

/// The estimate times exp(log p - sg(log p)), which is 1: adds the score-function part of the gradient (arXiv
/// 2506.09477; NeMo-RL).
struct ScoreWeighted {
  static constexpr std::string_view name = ", ScoreWeighted";
  static constexpr ColumnSet needs = {};
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr KlValue<T> operator()(KlValue<T> kl, Token<T> const&) const {
    return {kl.value, kl.d_log_p + kl.value};
  }
};

/// A coefficient that stays.
struct FixedKl {
  static constexpr std::string_view name{};
  template <class Self, class Visit>
  static void options(Self&, Visit&&) {}
  void adapt(double&, double) const {}
};

/// Ziegler's proportional controller (arXiv 1909.08593, section 2.2): after each optimizer step the coefficient is
/// multiplied by 1 + rate clip(kl / target - 1, -0.2, 0.2).
struct AdaptiveKl {
  double target = 0.1;  ///< verl's
  double rate = 1e-4;   ///< samples of a step / horizon; verl's horizon is 10,000

  static constexpr std::string_view name = ", AdaptiveKl";
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"kl_target", "KL that the coefficient steers towards", above(0)}, self.target);
    visit(Option{"kl_rate", "how much of the error the coefficient follows in a step", at_least(0)}, self.rate);
  }
  void adapt(double& coefficient, double kl) const {
    if (std::isnan(kl)) return;  // of a step that is left out
    coefficient *= 1 + rate * std::clamp(kl / target - 1, -0.2, 0.2);
  }
};

/// coefficient * KL estimate. A coefficient of 0 asks for no reference policy at all.
template <class E = K3, class W = Unweighted, class C = FixedKl>
struct KlInLoss {
  static_assert(KlEstimator<E>,
                "grove::KlInLoss: its argument is no KL estimator; use K3 or K2, or give yours `name` and "
                "`operator()(T delta)` that returns a KlValue.");
  static_assert(
      !(std::same_as<E, K1> && std::same_as<W, Unweighted>),
      "grove::KlInLoss<K1>: the expected gradient of k1 in the loss is zero, so it does not penalise anything; "
      "use K3, K2 or StraightThrough<K1> here, or k1 in the reward.");

  double coefficient = 0.04;  ///< beta; DeepSeekMath's value. TRL's default is 0
  [[no_unique_address]] C control{};

  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = ColumnSet{Column::LogProb, Column::RefLogProb} | W::needs;
  static constexpr std::string_view loss_name = "kl_loss";
  static constexpr std::array<std::string_view, 1> metric_names = {"kl"};

  static std::string describe() {
    return "KlInLoss<" + detail::kl_name<E>() + std::string(W::name) + std::string(C::name) + ">";
  }
  ColumnSet wanted() const { return coefficient != 0 ? needs : ColumnSet{}; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"beta", "weight of the KL to the reference policy; 0 loads none", at_least(0)}, self.coefficient);
    C::options(self.control, visit);
  }

  void adapt(std::array<double, 1> const& means) { control.adapt(coefficient, means[0]); }
  void state(State& s) {
    if constexpr (!std::same_as<C, FixedKl>) s("coefficient", coefficient);
    if constexpr (Stateful<C>) s("control", control);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, 1> operator()(Token<T> const& t) const {
    auto const kl = W{}(E{}(t.log_p - t.log_p_ref), t);
    auto const beta = static_cast<T>(coefficient);
    return {.loss = beta * kl.value, .d_log_p = beta * kl.d_log_p, .metrics = {kl.value}};
  }
};

}  // namespace grove
