// SPDX-License-Identifier: Apache-2.0
// The policy's term of an objective: a surrogate of the probability ratio at some level, times constant weights.
#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "grove/columns.hpp"
#include "grove/objective/clip.hpp"
#include "grove/objective/ratio.hpp"
#include "grove/objective/selection.hpp"
#include "grove/objective/surrogate.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"

namespace grove {

namespace detail {

/// What ratio levels and token weights have in common: they see a token, or a token and its sequence's statistic.
template <class P>
concept TokenPiece = requires {
  { P::scope } -> std::convertible_to<Scope>;
  { P::needs } -> std::convertible_to<ColumnSet>;
  { P::name } -> std::convertible_to<std::string_view>;
};

struct NoStat {};

template <std::floating_point T, class P>
constexpr auto prepare(P const& piece, Token<T> const& token) {
  if constexpr (P::scope == Scope::Sequence)
    return piece.prepare(token);
  else
    return NoStat{};
}
template <class P, class Stat>
constexpr Stat combine(Stat a, Stat b) {
  if constexpr (P::scope == Scope::Sequence)
    return P::combine(a, b);
  else
    return a;
}
template <std::floating_point T, class P, class Stat>
constexpr auto ask(P const& piece, Token<T> const& token, Stat const& stat) {
  if constexpr (P::scope == Scope::Sequence)
    return piece(token, stat);
  else
    return piece(token);
}

/// Pieces that correct for the sampler by the ratio of the whole sequence say so.
template <class P>
inline constexpr bool corrects_sequence = requires {
  P::corrects_rollout_by_sequence;
};

template <class R>
inline constexpr bool absorbs_correction = requires {
  R::corrects_rollout;
};

}  // namespace detail

template <class R>
concept RatioLevel = detail::TokenPiece<R>;

/// A constant weight of a token: a rollout correction, a mask, a selection.
template <class W>
concept TokenWeight = detail::TokenPiece<W>;

/// surrogate(ratio, advantage) times the product of the weights, differentiated through the ratio.
template <class R = TokenRatio, class S = Clip, class... Ws>
struct PolicyGradient {
  static_assert(RatioLevel<R>,
                "grove::PolicyGradient: the first argument says at which level the ratio is taken: TokenRatio, "
                "SequenceRatio or a RatioLevel of your own.");
  static_assert(Surrogate<S>,
                "grove::PolicyGradient: the second argument is no surrogate; use Clip, or give yours `name`, "
                "`metric_names` and `operator()(T ratio, Token<T>)` that returns a SurrogateValue.");
  static_assert((TokenWeight<Ws> && ...),
                "grove::PolicyGradient: arguments after the second are constant weights of a token, such as "
                "TruncatedImportance or OffPolicySequenceMask.");
  static_assert(!(detail::absorbs_correction<R> && (detail::corrects_sequence<Ws> || ...)),
                "grove::PolicyGradient: VespoWeight holds the sequence's rollout correction inside; a second one "
                "would count it twice.");

  [[no_unique_address]] R ratio{};
  [[no_unique_address]] S surrogate{};
  [[no_unique_address]] std::tuple<Ws...> weights{};

  using selection_type = detail::selection_of<Ws..., S>;
  static constexpr Scope scope = std::max({R::scope, Scope::Token, Ws::scope...});
  static constexpr ColumnSet needs = (R::needs | ... | Ws::needs);
  static constexpr std::string_view loss_name = "policy_loss";
  static constexpr auto metric_names = S::metric_names;
  /// A sequence's ratio is one number, so what is said of it is said once a sequence.
  static constexpr bool metrics_per_sequence = R::scope == Scope::Sequence;

  static std::string describe() {
    std::string text = "PolicyGradient<" + std::string(R::name) + ", " + std::string(S::name);
    ((text += ", " + std::string(Ws::name)), ...);
    return text + ">";
  }
  ColumnSet wanted() const { return needs; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit_options(self.ratio, visit);
    visit_options(self.surrogate, visit);
    std::apply([&](auto&... weight) { (visit_options(weight, visit), ...); }, self.weights);
  }

  template <std::floating_point T>
  constexpr auto operator()(Token<T> const& t) const requires(scope == Scope::Token) {
    return answer(t, prepare(t));
  }

  /// Statistics of the level and of the weights, side by side.
  template <std::floating_point T>
  constexpr auto prepare(Token<T> const& t) const {
    return std::apply(
        [&](auto const&... weight) { return together(detail::prepare(ratio, t), detail::prepare(weight, t)...); },
        weights);
  }
  template <class... Stat>
  static constexpr auto combine(std::tuple<Stat...> const& a, std::tuple<Stat...> const& b) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<Stat...>(
          detail::combine<std::tuple_element_t<I, std::tuple<R, Ws...>>>(std::get<I>(a), std::get<I>(b))...);
    }
    (std::index_sequence_for<Stat...>{});
  }
  template <std::floating_point T>
  constexpr T d_prepare(Token<T> const& t) const {
    if constexpr (R::scope == Scope::Sequence)
      return ratio.d_prepare(t);
    else
      return T(0);
  }
  template <std::floating_point T, class Stat>
  constexpr auto operator()(Token<T> const& t, Stat const& stat) const requires(scope == Scope::Sequence) {
    return answer(t, stat);
  }

 private:
  template <class... Stat>
  static constexpr std::tuple<Stat...> together(Stat... stat) {
    return {stat...};
  }

  template <std::floating_point T, class Stat>
  constexpr TermValue<T, metric_names.size()> answer(Token<T> const& t, Stat const& stat) const {
    Ratio<T> const r = detail::ask(ratio, t, std::get<0>(stat));
    auto const value = surrogate(r.value, t);
    T const w = weight(t, stat, std::index_sequence_for<Ws...>{});
    TermValue<T, metric_names.size()> term{.loss = w * value.loss,
                                           .d_log_p = w * (value.d_log_p + value.d_ratio * r.d_log_p),
                                           .d_stat = w * value.d_ratio * r.d_stat,
                                           .metrics = {}};
    // One by one: an array that is assigned as a whole stays in memory and keeps the loop around from vectorising.
    for (std::size_t m = 0; m < metric_names.size(); ++m) term.metrics[m] = value.metrics[m];
    return term;
  }

  template <std::floating_point T, class Stat, std::size_t... I>
  constexpr T weight(Token<T> const& t, Stat const& stat, std::index_sequence<I...>) const {
    return (T(1) * ... * detail::ask(std::get<I>(weights), t, std::get<I + 1>(stat)));
  }
};

}  // namespace grove
