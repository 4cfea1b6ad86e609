// SPDX-License-Identifier: Apache-2.0
// What one term of an objective sees of one token, and what it answers.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/host_device.hpp"

namespace grove {

/// One row of the batch. `log_p` and `log_p_detached` hold the same number; derivatives are taken of the first only, so
/// that terms with a stop-gradient have a defined derivative. A column the objective does not name is 0.
template <std::floating_point T>
struct Token {
  T log_p = 0;           ///< log-prob under the policy being trained
  T log_p_detached = 0;  ///< the same number, held constant by the derivative
  T log_p_old = 0;       ///< at the start of this batch's updates
  T log_p_rollout = 0;   ///< as the sampler computed it
  T log_p_ref = 0;       ///< under the reference policy
  T entropy = 0;
  T advantage = 0;
  T value = 0;
  T value_old = 0;
  T return_ = 0;   ///< the value target
  T reward = 0;    ///< of the token's sequence, after shaping
  T selected = 0;  ///< 1 where the objective's selection took the token, else 0
  T length = 0;    ///< tokens of the token's sequence that count
};

/// A term's answer for one token: its loss (to be minimised) and the derivatives of it, before the aggregate's weight.
/// `d_stat` is that with respect to the sequence's statistic, for terms that have one. `metrics` are numbers whose mean
/// over tokens is reported under the term's metric names.
template <std::floating_point T, std::size_t Metrics>
struct TermValue {
  T loss = 0;
  T d_log_p = 0;
  T d_entropy = 0;
  T d_value = 0;
  T d_stat = 0;
  std::array<T, Metrics> metrics{};
};

/// How much of the batch a term must have seen before it can answer for one token.
enum class Scope : unsigned char {
  Token,     ///< the token alone: one pass, sequences may be cut anywhere
  Sequence,  ///< its whole sequence: a statistic first, sequences are never cut
};

namespace detail {

template <class Term>
concept NamedTerm = requires(Term const& term) {
  { Term::needs } -> std::convertible_to<ColumnSet>;
  { Term::loss_name } -> std::convertible_to<std::string_view>;
  { Term::metric_names.size() } -> std::convertible_to<std::size_t>;
  { Term::describe() } -> std::convertible_to<std::string>;
  { term.wanted() } -> std::same_as<ColumnSet>;
};

template <class Term>
concept TokenTerm = (Term::scope == Scope::Token) && requires(Term const& term, Token<double> const& token) {
  { term(token).loss } -> std::convertible_to<double>;
};

template <class Term>
concept SequenceTerm = (Term::scope == Scope::Sequence) && requires(Term const& term, Token<double> const& token) {
  { Term::combine(term.prepare(token), term.prepare(token)) } -> std::same_as<decltype(term.prepare(token))>;
  { term.d_prepare(token) } -> std::convertible_to<double>;
  { term(token, term.prepare(token)).loss } -> std::convertible_to<double>;
};

/// A term that speaks of whole sequences: its metrics are one number a sequence.
template <class Term>
inline constexpr bool per_sequence = [] {
  if constexpr (requires { Term::metrics_per_sequence; })
    return Term::metrics_per_sequence;
  else
    return false;
}();

/// A term that speaks of some tokens only, such as those of right answers.
template <class Term>
concept SubsetTerm = requires(Token<double> const& token) {
  { Term::includes(token) } -> std::same_as<bool>;
};

/// A term with a mean of its own instead of the objective's.
template <class Term>
concept AggregatingTerm = requires(Term const& term) {
  term.aggregate;
};

/// A term with a coefficient that is adjusted after each optimizer step.
template <class Term>
concept AdaptiveTerm = requires(Term& term, std::array<double, Term::metric_names.size()> const& means) {
  term.adapt(means);
};

}  // namespace detail

/// One summand of an objective; `Terms` says what each member means.
template <class T>
concept ObjectiveTerm = detail::NamedTerm<T> &&(detail::TokenTerm<T> || detail::SequenceTerm<T>);

}  // namespace grove
