// SPDX-License-Identifier: Apache-2.0
// The policy's term of an objective: a surrogate of the probability ratio at some level.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/clip.hpp"
#include "grove/objective/ratio.hpp"
#include "grove/objective/token.hpp"

namespace grove {

template <class R>
concept RatioLevel = requires {
  { R::scope } -> std::convertible_to<Scope>;
  { R::needs } -> std::convertible_to<ColumnSet>;
  { R::name } -> std::convertible_to<std::string_view>;
};

template <class S>
concept Surrogate = requires(S const& s) {
  { s(1.0, 1.0).loss } -> std::convertible_to<double>;
  { s(1.0, 1.0).d_ratio } -> std::convertible_to<double>;
  { S::name } -> std::convertible_to<std::string_view>;
  S::metric_names.size();
};

/// surrogate(ratio, advantage), differentiated through the ratio.
template <class R = TokenRatio, class S = Clip>
struct PolicyGradient {
  static_assert(RatioLevel<R>,
                "grove::PolicyGradient: the first argument says at which level the ratio is taken: TokenRatio, "
                "SequenceRatio or a RatioLevel of your own.");
  static_assert(Surrogate<S>,
                "grove::PolicyGradient: the second argument is no surrogate; use Clip, or give yours `name`, "
                "`metric_names` and `operator()(T ratio, T advantage)` that returns a SurrogateValue.");

  [[no_unique_address]] R ratio{};
  S surrogate{};

  static constexpr Scope scope = R::scope;
  static constexpr ColumnSet needs = R::needs;
  static constexpr std::string_view loss_name = "policy_loss";
  static constexpr auto metric_names = S::metric_names;

  static std::string describe() { return "PolicyGradient<" + std::string(R::name) + ", " + std::string(S::name) + ">"; }
  ColumnSet wanted() const { return needs; }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr auto operator()(Token<T> const& t) const requires(scope == Scope::Token) {
    return apply(t, ratio(t));
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr auto prepare(Token<T> const& t) {
    return R::prepare(t);
  }
  template <class Stat>
  GROVE_HOST_DEVICE static constexpr Stat combine(Stat a, Stat b) {
    return R::combine(a, b);
  }
  template <std::floating_point T, class Stat>
  GROVE_HOST_DEVICE constexpr auto operator()(Token<T> const& t, Stat stat) const {
    return apply(t, ratio(t, stat));
  }

 private:
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr TermValue<T, metric_names.size()> apply(Token<T> const& t, Ratio<T> r) const {
    auto const value = surrogate(r.value, t.advantage);
    return {.loss = value.loss, .d_log_p = value.d_ratio * r.d_log_p, .metrics = value.metrics};
  }
};

}  // namespace grove
