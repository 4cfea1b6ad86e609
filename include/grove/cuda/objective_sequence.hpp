// SPDX-License-Identifier: Apache-2.0
// The objective of one sequence as a team of threads evaluates it, instantiated from the functions of its terms: its
// statistics first where a term has them, then each token once for all terms, then the derivatives that go through the
// statistics. The team is a block of threads on a device, or one thread of the host in tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "grove/columns.hpp"
#include "grove/host_device.hpp"
#include "grove/objective/token.hpp"

namespace grove::cuda {

/// Columns in the memory of those who evaluate; null: zeros, or a derivative that nobody asks for.
template <class T>
struct ObjectiveColumns {
  std::size_t const* cu_seqlens;  ///< [sequences + 1]
  std::uint32_t const* lengths;   ///< [sequences] tokens that count
  std::size_t sequences;
  std::uint8_t const* counts;  ///< [tokens], as all that follow
  T const *log_p, *log_p_old, *log_p_rollout, *log_p_ref, *entropy, *advantage, *value, *value_old, *return_, *reward,
      *selected;
  T *d_log_p, *d_entropy, *d_value;  ///< added to

  GROVE_HOST_DEVICE Token<T> token(std::size_t i, T length) const {
    auto const at = [i](T const* column, T absent) { return column ? column[i] : absent; };
    return {.log_p = at(log_p, 0),
            .log_p_detached = at(log_p, 0),
            .log_p_old = at(log_p_old, 0),
            .log_p_rollout = at(log_p_rollout, 0),
            .log_p_ref = at(log_p_ref, 0),
            .entropy = at(entropy, 0),
            .advantage = at(advantage, 0),
            .value = at(value, 0),
            .value_old = at(value_old, 0),
            .return_ = at(return_, 0),
            .reward = at(reward, 0),
            .selected = at(selected, 1),
            .length = length};
  }
};

/// What a term adds to the tally: its loss, the tokens it counted, its metrics.
template <class Term>
inline constexpr std::size_t sums_of_term = 2 + Term::metric_names.size();

/// Where its sums stand among those of all terms.
template <std::size_t I, class... Ts>
inline constexpr std::size_t first_sum = [] {
  constexpr std::array<std::size_t, sizeof...(Ts)> sizes = {sums_of_term<Ts>...};
  std::size_t sum = 0;
  for (std::size_t i = I; i > 0; --i) sum += sizes[i - 1];
  return sum;
}();

/// A team of one, on the host.
struct OneThread {
  GROVE_HOST_DEVICE std::size_t rank() const { return 0; }
  GROVE_HOST_DEVICE std::size_t size() const { return 1; }
  /// The combination of all threads' values, known to all of them.
  template <class X, class Combine>
  GROVE_HOST_DEVICE X over_all(X mine, Combine const&) const {
    return mine;
  }
};

namespace detail {

struct NoStatistic {};

template <class Term, class T>
GROVE_HOST_DEVICE bool includes(Token<T> const& token) {
  if constexpr (grove::detail::SubsetTerm<Term>)
    return Term::includes(token);
  else
    return true;
}

/// f(token's index, token) for this thread's tokens of the sequence that count.
template <class Team, class T, class F>
GROVE_HOST_DEVICE void for_each_token(Team const& team, ObjectiveColumns<T> const& columns, std::size_t s, F const& f) {
  auto const length = static_cast<T>(columns.lengths[s]);
  for (auto i = columns.cu_seqlens[s] + team.rank(); i < columns.cu_seqlens[s + 1]; i += team.size())
    if (columns.counts[i]) f(i, columns.token(i, length));
}

template <class Team, class T, class Term>
GROVE_HOST_DEVICE auto statistic(Team const& team, ObjectiveColumns<T> const& columns, std::size_t s,
                                 Term const& term) {
  if constexpr (grove::detail::SequenceTerm<Term>) {
    decltype(term.prepare(Token<T>{})) mine{};
    for_each_token(team, columns, s, [&](std::size_t, Token<T> const& token) {
      if (includes<Term>(token)) mine = Term::combine(mine, term.prepare(token));
    });
    return team.over_all(mine, [](auto const& a, auto const& b) { return Term::combine(a, b); });
  } else {
    return NoStatistic{};
  }
}

/// One thread's sums for a term.
template <class Term>
struct Sums {
  double loss = 0, tokens = 0, d_stat = 0;
  std::array<double, Term::metric_names.size()> metrics{};
};

/// Adds a term's answer for one token.
template <class T, class Term, class Statistic>
GROVE_HOST_DEVICE void answer(ObjectiveColumns<T> const& columns, std::size_t i, Token<T> const& token,
                              Term const& term, Statistic const& statistic, T weight, Sums<Term>& sums) {
  if (!includes<Term>(token)) return;
  auto const value = [&] {
    if constexpr (grove::detail::SequenceTerm<Term>)
      return term(token, statistic);
    else
      return term(token);
  }();
  sums.loss += static_cast<double>(weight * value.loss);
  sums.d_stat += static_cast<double>(weight * value.d_stat);
  sums.tokens += 1;
  for (std::size_t m = 0; m < Term::metric_names.size(); ++m) sums.metrics[m] += static_cast<double>(value.metrics[m]);
  if (columns.d_log_p) columns.d_log_p[i] += weight * value.d_log_p;
  if (columns.d_entropy) columns.d_entropy[i] += weight * value.d_entropy;
  if (columns.d_value) columns.d_value[i] += weight * value.d_value;
}

/// Adds what goes through the statistic, and writes the term's sums of the sequence to `out`.
template <class Team, class T, class Term>
GROVE_HOST_DEVICE void finish(Team const& team, ObjectiveColumns<T> const& columns, std::size_t s, Term const& term,
                              Sums<Term> const& mine, double* out) {
  auto const total = [&](double x) { return team.over_all(x, [](double a, double b) { return a + b; }); };
  // A sequence-level term reports one number a sequence: its tokens share it.
  double const share =
      grove::detail::per_sequence<Term> && columns.lengths[s] > 0 ? 1.0 / static_cast<double>(columns.lengths[s]) : 1.0;
  out[0] = total(mine.loss);
  out[1] = total(mine.tokens);
  for (std::size_t m = 0; m < Term::metric_names.size(); ++m) out[2 + m] = share * total(mine.metrics[m]);
  if constexpr (grove::detail::SequenceTerm<Term>) {
    auto const through = static_cast<T>(total(mine.d_stat));
    for_each_token(team, columns, s, [&](std::size_t i, Token<T> const& token) {
      if (columns.d_log_p && includes<Term>(token)) columns.d_log_p[i] += through * term.d_prepare(token);
    });
  }
}

template <class Team, class T, class... Ts, std::size_t... I>
GROVE_HOST_DEVICE void evaluate_sequence(Team const& team, ObjectiveColumns<T> const& columns, std::size_t s,
                                         T const* weights, double* sums, std::index_sequence<I...>,
                                         Ts const&... terms) {
  std::tuple<decltype(statistic(team, columns, s, terms))...> const statistics(statistic(team, columns, s, terms)...);
  std::tuple<Sums<Ts>...> mine;
  for_each_token(team, columns, s, [&](std::size_t i, Token<T> const& token) {
    (answer(columns, i, token, terms, std::get<I>(statistics), weights[I * columns.sequences + s], std::get<I>(mine)),
     ...);
  });
  double* const out = sums + s * (... + sums_of_term<Ts>);
  (finish(team, columns, s, terms, std::get<I>(mine), out + first_sum<I, Ts...>), ...);
}

}  // namespace detail

/// Sequence s of the columns: adds its derivatives and writes its sums (`sums_of_term` of each term, [sequences x
/// sums]). `weights` ([terms x sequences]) are what the aggregates give a token of each sequence.
template <class Team, class T, class... Ts>
GROVE_HOST_DEVICE void evaluate_sequence(Team const& team, ObjectiveColumns<T> const& columns, std::size_t s,
                                         T const* weights, double* sums, Ts const&... terms) {
  detail::evaluate_sequence(team, columns, s, weights, sums, std::index_sequence_for<Ts...>{}, terms...);
}

}  // namespace grove::cuda
