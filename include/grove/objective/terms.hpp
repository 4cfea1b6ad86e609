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

#include "grove/columns.hpp"
#include "grove/episodes.hpp"
#include "grove/metrics.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/token.hpp"

namespace grove {

/// Consecutive tokens of a micro-batch of whole sequences, column by column. A column that is not wanted is empty.
template <std::floating_point T>
struct Rows {
  std::span<const std::size_t> cu_seqlens{};  ///< [sequences + 1] of the micro-batch
  std::span<const std::uint32_t> lengths{};   ///< [sequences] tokens of each that count
  std::size_t first = 0;                      ///< position of row 0 in the micro-batch
  std::span<const std::uint8_t> counts{};  ///< [rows] 1 where the token enters the loss; all that follow are [rows] too
  std::span<const T> log_p{}, log_p_old{}, log_p_rollout{}, log_p_ref{}, entropy{}, advantage{}, value{}, value_old{},
      return_{};
};

namespace detail {

template <std::floating_point T>
T at(std::span<const T> column, std::size_t i) {
  return column.empty() ? T(0) : column[i];
}

template <std::floating_point T>
Token<T> token_at(Rows<T> const& rows, std::size_t i, T length) {
  return {.log_p = at(rows.log_p, i),
          .log_p_detached = at(rows.log_p, i),
          .log_p_old = at(rows.log_p_old, i),
          .log_p_rollout = at(rows.log_p_rollout, i),
          .log_p_ref = at(rows.log_p_ref, i),
          .entropy = at(rows.entropy, i),
          .advantage = at(rows.advantage, i),
          .value = at(rows.value, i),
          .value_old = at(rows.value_old, i),
          .return_ = at(rows.return_, i),
          .length = length};
}

}  // namespace detail

/// Sums of one optimizer step, added over its micro-batches; plain numbers, so that ranks can add them too.
template <std::size_t Terms, std::size_t Metrics>
struct Tally {
  std::array<double, Terms> losses{};
  std::array<double, Metrics> metrics{};
  double tokens = 0;

  Tally& operator+=(Tally const& other) {
    for (std::size_t i = 0; i < Terms; ++i) losses[i] += other.losses[i];
    for (std::size_t i = 0; i < Metrics; ++i) metrics[i] += other.metrics[i];
    tokens += other.tokens;
    return *this;
  }

  double loss() const {
    double sum = 0;
    for (double loss : losses) sum += loss;
    return sum;
  }
};

/// A sum of terms, weighted token by token as the aggregate says.
///
/// A term is a small value with
///   `scope`, `needs`, `loss_name`, `metric_names`, `describe()`   what it is, at compile time
///   `wanted()`                                       the columns its present coefficients need; none switches it off
///   `operator()(Token<T>)`                           loss and derivatives for one token, or, for Scope::Sequence,
///   `prepare(Token<T>) -> Stat`, `combine(Stat, Stat)`, `operator()(Token<T>, Stat)`
template <class A, class... Ts>
struct Terms {
  static_assert(
      Aggregate<A>,
      "grove::Terms: the first argument says how losses of tokens become one number: TokenMean, SequenceMean, "
      "SequenceSum, ConstantLength or an Aggregate of your own.");
  static_assert((ObjectiveTerm<Ts> && ...),
                "grove::Terms: an argument after the first is no term; it needs `scope`, `needs`, `loss_name`, "
                "`metric_names`, `describe()`, `wanted()` and `operator()(Token<T>)`, for Scope::Sequence `prepare`, "
                "`combine` and `operator()(Token<T>, Stat)`.");

  A aggregate{};
  std::tuple<Ts...> terms{};

  static constexpr Scope scope = std::max({Scope::Token, Ts::scope...});
  static constexpr ColumnSet needs = (ColumnSet{} | ... | Ts::needs);
  static constexpr std::size_t metric_count = (std::size_t{0} + ... + Ts::metric_names.size());
  using aggregate_type = A;
  using tally_type = Tally<sizeof...(Ts), metric_count>;

  template <class Term>
    requires(std::same_as<Term, Ts> || ...)
  Term& get() { return std::get<Term>(terms); }
  template <class Term>
    requires(std::same_as<Term, Ts> || ...)
  Term const& get() const { return std::get<Term>(terms); }

  ColumnSet wanted() const {
    return std::apply([](auto const&... term) { return (ColumnSet{} | ... | term.wanted()); }, terms);
  }

  static std::string describe() {
    std::string text = "Terms<" + A::describe();
    ((text += ", " + Ts::describe()), ...);
    return text + ">";
  }

  /// Adds the derivatives with respect to the rows' outputs to `gradients` and their sums to `tally`. The rows cut no
  /// sequence unless `scope` is Token.
  template <std::floating_point T>
  void evaluate(Rows<T> const& rows, Denominators const& denominators, TokenGradients<T> gradients,
                tally_type& tally) const {
    auto const end = rows.first + rows.counts.size();
    auto const at = std::ranges::upper_bound(rows.cu_seqlens, rows.first) - rows.cu_seqlens.begin() - 1;
    for (auto s = static_cast<std::size_t>(at); s < rows.lengths.size() && rows.cu_seqlens[s] < end; ++s) {
      if (rows.lengths[s] == 0) continue;
      Part const part{std::max(rows.cu_seqlens[s], rows.first) - rows.first,
                      std::min(rows.cu_seqlens[s + 1], end) - rows.first, static_cast<double>(rows.lengths[s]),
                      aggregate.weight(denominators, rows.lengths[s])};
      for (auto i = part.begin; i < part.end; ++i) tally.tokens += rows.counts[i];
      std::size_t index = 0, metric = 0;
      std::apply([&](auto const&... term) { (add_term(term, rows, part, gradients, tally, index, metric), ...); },
                 terms);
    }
  }

  /// Reports each term's loss and the token means of its metrics.
  void report(tally_type const& tally, Metrics& metrics) const {
    metrics.set("loss", tally.loss());
    std::size_t index = 0, metric = 0;
    auto const one = [&](auto const& term) {
      if (!term.wanted().empty()) {
        metrics.set(term.loss_name, tally.losses[index]);
        for (std::size_t m = 0; m < term.metric_names.size(); ++m)
          metrics.set(term.metric_names[m], tally.tokens > 0 ? tally.metrics[metric + m] / tally.tokens : 0.0);
      }
      ++index;
      metric += term.metric_names.size();
    };
    std::apply([&](auto const&... term) { (one(term), ...); }, terms);
  }

 private:
  /// The rows of one sequence, how many of its tokens count, and the aggregate's weight of each.
  struct Part {
    std::size_t begin, end;
    double length, weight;
  };

  template <class Term, std::floating_point T>
  static void add_term(Term const& term, Rows<T> const& rows, Part part, TokenGradients<T> gradients, tally_type& tally,
                       std::size_t& index, std::size_t& metric) {
    if (!term.wanted().empty()) {
      auto const stat = statistic(term, rows, part);
      auto const weight = static_cast<T>(part.weight);
      double loss = 0;
      for (auto i = part.begin; i < part.end; ++i) {
        if (!rows.counts[i]) continue;
        auto const value = answer(term, detail::token_at(rows, i, static_cast<T>(part.length)), stat);
        loss += static_cast<double>(weight * value.loss);
        if (!gradients.log_prob.empty()) gradients.log_prob[i] += weight * value.d_log_p;
        if (!gradients.entropy.empty()) gradients.entropy[i] += weight * value.d_entropy;
        if (!gradients.value.empty()) gradients.value[i] += weight * value.d_value;
        for (std::size_t m = 0; m < value.metrics.size(); ++m)
          tally.metrics[metric + m] += static_cast<double>(value.metrics[m]);
      }
      tally.losses[index] += loss;
    }
    ++index;
    metric += Term::metric_names.size();
  }

  struct NoStatistic {};

  template <class Term, std::floating_point T>
  static auto statistic(Term const&, Rows<T> const& rows, Part part) {
    if constexpr (detail::SequenceTerm<Term>) {
      decltype(Term::prepare(Token<T>{})) sum{};
      for (auto i = part.begin; i < part.end; ++i)
        if (rows.counts[i])
          sum = Term::combine(sum, Term::prepare(detail::token_at(rows, i, static_cast<T>(part.length))));
      return sum;
    } else {
      return NoStatistic{};
    }
  }

  template <class Term, std::floating_point T, class Stat>
  static auto answer(Term const& term, Token<T> const& token, Stat const& stat) {
    if constexpr (detail::SequenceTerm<Term>)
      return term(token, stat);
    else
      return term(token);
  }
};

}  // namespace grove
