// SPDX-License-Identifier: Apache-2.0
// An objective is a list of terms under one aggregate: the loss and its derivatives in closed form, without autograd
// and without a tensor library. `Terms::evaluate` is the only loop over tokens.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/columns.hpp"
#include "grove/metrics.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/block.hpp"
#include "grove/objective/rows.hpp"
#include "grove/objective/selection.hpp"
#include "grove/objective/tally.hpp"
#include "grove/objective/token.hpp"
#include "grove/objective/vector_units.hpp"
#include "grove/option.hpp"

namespace grove {

namespace detail {

template <class Term>
constexpr bool mean_depends_on_micro_batch() {
  if constexpr (AggregatingTerm<Term>)
    return !std::same_as<typename decltype(Term::aggregate)::scope, Window>;
  else
    return false;
}

}  // namespace detail

/// A sum of terms, weighted token by token as the aggregate says.
///
/// A term is a small value with
///   `scope`, `needs`, `loss_name`, `metric_names`, `describe()`   what it is, at compile time
///   `wanted()`                        the columns its present coefficients need; none switches it off
///   `operator()(Token<T>)`            loss and derivatives for one token, or, for Scope::Sequence,
///   `prepare(Token<T>) -> Stat`, `combine(Stat, Stat)`, `operator()(Token<T>, Stat)` and
///   `d_prepare(Token<T>)`             derivative of the token's part of the statistic with respect to its log-prob
/// and, where it wants them,
///   `aggregate`                       a mean of its own instead of the objective's
///   `includes(Token<T>)`              the tokens it speaks of, under a TokenMean of its own
///   `selection_type`                  a rule that picks tokens out of the whole minibatch (see selection.hpp)
///   `adapt(means of its metrics)`     called after each optimizer step
///   `state(State&)`                   what `adapt` changes, for checkpoints
///   `options(self, visit)`            its numbers by name (see option.hpp)
template <class A, class... Ts>
struct Terms {
  static_assert(
      Aggregate<A>,
      "grove::Terms: the first argument says how losses of tokens become one number: TokenMean, SequenceMean, "
      "SequenceSum, ConstantLength or an Aggregate of your own.");
  static_assert((ObjectiveTerm<Ts> && ...),
                "grove::Terms: an argument after the first is no term; it needs `scope`, `needs`, `loss_name`, "
                "`metric_names`, `describe()`, `wanted()` and `operator()(Token<T>)`, for Scope::Sequence `prepare`, "
                "`d_prepare`, `combine` and `operator()(Token<T>, Stat)`.");
  static_assert(detail::one_selection<Ts...>,
                "grove::Terms: two terms select tokens by different rules; a composition has one selection.");

  using selection_type = detail::selection_of<Ts...>;

  A aggregate{};
  std::tuple<Ts...> terms{};
  [[no_unique_address]] selection_type selection{};

  static constexpr std::size_t size = sizeof...(Ts);
  static constexpr Scope scope = std::max({Scope::Token, Ts::scope...});
  static constexpr ColumnSet needs = (selection_type::needs | ... | Ts::needs);
  static constexpr std::size_t metric_count = (std::size_t{0} + ... + Ts::metric_names.size());
  /// Whether a mean is over less than the whole optimizer step, so that it depends on how that is split.
  static constexpr bool depends_on_micro_batch =
      (!std::same_as<typename A::scope, Window> || ... || detail::mean_depends_on_micro_batch<Ts>());
  static constexpr bool has_sequence_ratio = (detail::per_sequence<Ts> || ...);
  /// Whether tokens may be taken out of their sequences.
  static constexpr bool counts_tokens_alone = scope == Scope::Token && std::same_as<A, TokenMean<typename A::scope>> &&
                                              !needs.contains(Column::Reward) &&
                                              std::same_as<selection_type, NoSelection>;
  using aggregate_type = A;
  using tally_type = Tally<size, metric_count>;
  /// What each term's mean is taken over.
  using counts_type = std::array<Counts, size>;
  using denominators_type = std::array<Denominators, size>;

  template <class Term>
    requires(std::same_as<Term, Ts> || ...)
  Term& get() { return std::get<Term>(terms); }
  template <class Term>
    requires(std::same_as<Term, Ts> || ...)
  Term const& get() const { return std::get<Term>(terms); }

  ColumnSet wanted() const {
    return std::apply([&](auto const&... term) { return (selection.wanted() | ... | term.wanted()); }, terms);
  }

  static std::string describe() {
    std::string text = "Terms<" + A::describe();
    ((text += ", " + Ts::describe()), ...);
    return text + ">";
  }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit_options(self.aggregate, visit);
    std::apply([&](auto&... term) { (visit_options(term, visit), ...); }, self.terms);
    visit_options(self.selection, visit);
  }

  /// What term I's mean gives a token of a sequence of which `length` tokens count.
  template <std::size_t I>
  double weight(denominators_type const& denominators, double length) const {
    return aggregate_of(std::get<I>(terms)).weight(denominators[I], length);
  }

  /// Adds what enters each term's mean. `rows` are whole sequences; log-probs are not read.
  template <std::floating_point T>
  void count(Rows<T> const& rows, counts_type& counts) const {
    for (auto& c : counts) c.sequences += static_cast<double>(rows.lengths.size());
    detail::BlockReader<T> reader(rows, needs);
    for (std::size_t begin = 0; begin < rows.counts.size(); begin += detail::Block<T>::size) {
      auto const block = reader(begin, std::min(detail::Block<T>::size, rows.counts.size() - begin), T(0));
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((counts[I].tokens += counted(std::get<I>(terms), block)), ...);
      }
      (std::index_sequence_for<Ts...>{});
    }
  }

  /// Adds the derivatives with respect to the rows' outputs to `gradients` and their sums to `tally`. The rows cut no
  /// sequence unless `scope` is Token.
  template <std::floating_point T>
  void evaluate(Rows<T> const& rows, denominators_type const& denominators, TokenGradients<T> gradients,
                tally_type& tally) const {
    Pass<T>(*this, rows, denominators, gradients, tally).run();
  }

  /// Reports each term's loss and the means of its metrics: over tokens, or over sequences for a term whose statistic
  /// is one number a sequence.
  void report(tally_type const& tally, Metrics& metrics) const {
    metrics.set("loss", tally.loss());
    for_each_term(*this, [&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
      if (term.wanted().empty()) return;
      metrics.set(term.loss_name, tally.losses[I]);
      auto const means = metric_means<I>(tally);
      for (std::size_t m = 0; m < means.size(); ++m) metrics.set(term.metric_names[m], means[m]);
    });
  }

  /// Lets coefficients that adapt see the sums of the optimizer step that was just applied.
  void adapt(tally_type const& tally) {
    for_each_term(*this, [&]<std::size_t I>(auto& term, std::integral_constant<std::size_t, I>) {
      if constexpr (detail::AdaptiveTerm<std::remove_cvref_t<decltype(term)>>) term.adapt(metric_means<I>(tally));
    });
  }

  /// Coefficients that adapt, for a checkpoint.
  void state(State& s) {
    for_each_term(*this, [&]<std::size_t I>(auto& term, std::integral_constant<std::size_t, I>) {
      using Term = std::remove_cvref_t<decltype(term)>;
      static_assert(Stateful<Term> || !detail::AdaptiveTerm<Term>,
                    "grove::Terms: a term adapts and a checkpoint would forget it; give it `void state(State& s)` that "
                    "lists what `adapt` changes, as s(\"coefficient\", coefficient).");
      if constexpr (Stateful<Term>) s("term-" + std::to_string(I), term);
    });
  }

 private:
  template <std::floating_point T>
  class Pass;

  template <std::size_t I>
  using term_type = std::tuple_element_t<I, std::tuple<Ts...>>;
  template <std::size_t I>
  static constexpr std::size_t first_metric = [] {
    std::array<std::size_t, size> const counts = {Ts::metric_names.size()...};
    std::size_t sum = 0;
    for (std::size_t i = 0; i < I; ++i) sum += counts[i];
    return sum;
  }();

  template <class Self, class F>
  static void for_each_term(Self& self, F const& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::get<I>(self.terms), std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::index_sequence_for<Ts...>{});
  }

  template <std::size_t I>
  static auto metric_means(tally_type const& tally) {
    std::array<double, term_type<I>::metric_names.size()> means{};
    double const n = detail::per_sequence<term_type<I>> ? tally.sequences : tally.tokens[I];
    for (std::size_t m = 0; m < means.size(); ++m) means[m] = n > 0 ? tally.metrics[first_metric<I> + m] / n : 0.0;
    return means;
  }

  template <class Term, std::floating_point T>
  static double counted(Term const&, detail::Block<T> const& block) {
    double sum = 0;
    for (std::size_t i = 0; i < block.count; ++i) sum += includes<Term>(block, i) ? 1.0 : 0.0;
    return sum;
  }

  template <class Term, std::floating_point T>
  static bool includes(detail::Block<T> const& block, std::size_t i) {
    if constexpr (detail::SubsetTerm<Term>)
      return block.counts[i] != 0 && Term::includes(block.token(i));
    else
      return block.counts[i] != 0;
  }

  template <class Term>
  auto const& aggregate_of(Term const& term) const {
    if constexpr (detail::AggregatingTerm<Term>)
      return term.aggregate;
    else
      return aggregate;
  }
};

}  // namespace grove

#include "grove/objective/pass.hpp"
