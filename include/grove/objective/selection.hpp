// SPDX-License-Identifier: Apache-2.0
// Rules that pick tokens out of a whole minibatch before its optimizer step: the tokens of highest entropy, of highest
// covariance. They read the policy's own outputs, so a composition with one runs a forward pass more for each
// optimizer step; terms see the outcome as `Token::selected`.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "grove/columns.hpp"
#include "grove/objective/rows.hpp"
#include "grove/solo.hpp"

namespace grove {

/// Names an optimizer step for rules that draw at random.
struct SelectionKey {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t update = 0;  ///< of the step
};

/// The rule of compositions without one: it asks for no column, so it is never called.
struct NoSelection {
  static constexpr ColumnSet needs = {};
  ColumnSet wanted() const { return {}; }
  static std::string describe() { return "NoSelection"; }
  template <std::floating_point T, class C>
  void operator()(Rows<T> const&, SelectionKey, C&, std::span<T>) const {}
};

/// `operator()` sets selected[i] to 1 for the rows it takes out of those that count, the same ones however the
/// minibatch is split over micro-batches and ranks.
template <class S>
concept Selection = requires(S const& s, Rows<double> const& rows, SelectionKey key, Solo& communicator,
                             std::span<double> selected) {
  { S::needs } -> std::convertible_to<ColumnSet>;
  { s.wanted() } -> std::same_as<ColumnSet>;
  { S::describe() } -> std::convertible_to<std::string>;
  s(rows, key, communicator, selected);
};

namespace detail {

template <class Term>
struct SelectionOf {
  using type = NoSelection;
};
template <class Term>
  requires requires { typename Term::selection_type; }
struct SelectionOf<Term> {
  using type = typename Term::selection_type;
};

template <class... Ss>
struct FirstSelection {
  using type = NoSelection;
};
template <class S, class... Ss>
struct FirstSelection<S, Ss...> {
  using type = std::conditional_t<std::same_as<S, NoSelection>, typename FirstSelection<Ss...>::type, S>;
};

template <class... Terms>
using selection_of = typename FirstSelection<typename SelectionOf<Terms>::type...>::type;

template <class... Terms>
inline constexpr bool one_selection = ((std::same_as<typename SelectionOf<Terms>::type, NoSelection> ||
                                        std::same_as<typename SelectionOf<Terms>::type, selection_of<Terms...>>)&&...);

}  // namespace detail
}  // namespace grove
