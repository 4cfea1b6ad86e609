// SPDX-License-Identifier: Apache-2.0
// The loop over tokens behind `Terms::evaluate`: statistics of sequences first where a term has them, then block by
// block each term's loss and derivatives, then the derivatives that go through the statistics.
#pragma once

#include "grove/objective/answer_block.hpp"
#include "grove/objective/terms.hpp"

namespace grove {

template <class A, class... Ts>
template <std::floating_point T>
class Terms<A, Ts...>::Pass {
 public:
  Pass(Terms const& objective, Rows<T> const& rows, denominators_type const& denominators, TokenGradients<T> gradients,
       tally_type& tally)
      : objective_(objective), rows_(rows), denominators_(denominators), gradients_(gradients), tally_(tally) {
    auto const at = std::ranges::upper_bound(rows.cu_seqlens, rows.first) - rows.cu_seqlens.begin() - 1;
    first_sequence_ = static_cast<std::size_t>(at);
    auto const end = rows.first + rows.counts.size();
    auto past = first_sequence_;
    while (past < rows.lengths.size() && rows.cu_seqlens[past] < end) ++past;
    sequences_ = past - first_sequence_;
  }

  void run() {
    if constexpr (scope == Scope::Sequence) prepare();
    for_each_block([&](std::size_t begin) { add(begin); });
    collect_sums();
    if constexpr (scope == Scope::Sequence) for_each_block([&](std::size_t begin) { add_through_statistics(begin); });
  }

 private:
  static constexpr std::size_t block_size = detail::Block<T>::size;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  using Bits = typename detail::Mask<T>::value_type;

  struct NoStatistic {};

  template <class Term>
  static auto statistic_of() {
    if constexpr (detail::SequenceTerm<Term>)
      return decltype(std::declval<Term const&>().prepare(Token<T>{})){};
    else
      return NoStatistic{};
  }
  template <std::size_t I>
  using statistic_type = decltype(statistic_of<term_type<I>>());

  /// A sequence's statistic for each term, and the sums of d_stat for it.
  template <class Indices>
  struct SequenceState;
  template <std::size_t... I>
  struct SequenceState<std::index_sequence<I...>> {
    std::tuple<statistic_type<I>...> statistics{};
    std::array<double, size> d_stat{};
  };
  using State = SequenceState<std::index_sequence_for<Ts...>>;

  template <class F>
  void for_each_block(F const& f) {
    for (std::size_t begin = 0; begin < rows_.counts.size(); begin += block_size) f(begin);
  }

  /// Loads a block, the lengths of its sequences and, where a term asks, which of them each row belongs to.
  void load(std::size_t begin) {
    block_.load(rows_, begin, std::min(block_size, rows_.counts.size() - begin), needs);
    for (std::size_t i = 0; i < block_size; ++i) counted_[i] = block_.counts[i] != T(0) ? ~Bits{0} : Bits{0};
    std::size_t inside = none;  // the sequence that the whole block lies in
    for_each_part(
        [&](std::size_t s, std::size_t from, std::size_t to) {
          if (to - from == block_size) inside = s;
          if (inside_ != none && inside == inside_) return;
          std::fill(block_.length.begin() + from, block_.length.begin() + to,
                    static_cast<T>(rows_.lengths[first_sequence_ + s]));
          if constexpr (scope == Scope::Sequence)
            std::fill(sequence_.begin() + from, sequence_.begin() + to, static_cast<std::uint32_t>(s));
        },
        begin);
    std::fill(block_.length.begin() + block_.count, block_.length.end(), T(1));
    std::fill(sequence_.begin() + block_.count, sequence_.end(), 0u);
    if (inside == none || inside != inside_) weighted_.fill(false);
    inside_ = inside;
  }

  /// f(sequence, first row, past its last row) for the sequences of the block that starts at row `begin`; rows count
  /// from the block's first.
  template <class F>
  void for_each_part(F const& f, std::size_t begin) {
    auto const start = rows_.first + begin, end = start + block_.count;
    while (cursor_ > 0 && rows_.cu_seqlens[first_sequence_ + cursor_] > start) --cursor_;
    while (cursor_ + 1 < sequences_ && rows_.cu_seqlens[first_sequence_ + cursor_ + 1] <= start) ++cursor_;
    for (auto s = cursor_; s < sequences_; ++s) {
      auto const from = rows_.cu_seqlens[first_sequence_ + s], to = rows_.cu_seqlens[first_sequence_ + s + 1];
      if (from >= end) break;
      f(s, std::max(from, start) - start, std::min(to, end) - start);
    }
  }

  void prepare() {
    states_.assign(sequences_, {});
    for_each_block([&](std::size_t begin) {
      load(begin);
      for_each_term(objective_, [&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
        using Term = term_type<I>;
        if constexpr (detail::SequenceTerm<Term>) {
          for (std::size_t i = 0; i < block_.count; ++i)
            if (includes<Term>(block_, i)) {
              auto& sum = std::get<I>(states_[sequence_[i]].statistics);
              sum = Term::combine(sum, term.prepare(block_.token(i)));
            }
        }
      });
    });
  }

  void add(std::size_t begin) {
    load(begin);
    sums_.log_p.fill(T(0));
    if constexpr (needs.contains(Column::Entropy)) sums_.entropy.fill(T(0));
    if constexpr (needs.contains(Column::Value)) sums_.value.fill(T(0));
    for_each_term(objective_, [&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
      if (!term.wanted().empty()) add_term<I>(term, begin);
    });
    write(sums_.log_p, gradients_.log_prob, begin);
    if constexpr (needs.contains(Column::Entropy)) write(sums_.entropy, gradients_.entropy, begin);
    if constexpr (needs.contains(Column::Value)) write(sums_.value, gradients_.value, begin);
  }

  template <std::size_t I>
  void add_term(term_type<I> const& term, std::size_t begin) {
    using Term = term_type<I>;
    set_weights<I>(term, begin);
    auto const& mask = mask_of<Term>();
    if constexpr (detail::SequenceTerm<Term>) {
      std::array<statistic_type<I>, block_size> statistics;
      for (std::size_t i = 0; i < block_size; ++i) statistics[i] = std::get<I>(states_[sequence_[i]].statistics);
      detail::answer_block(term, block_, weights_[I], mask, statistics, sums_, d_stat_, std::get<I>(term_sums_));
      for (std::size_t i = 0; i < block_.count; ++i) states_[sequence_[i]].d_stat[I] += static_cast<double>(d_stat_[i]);
    } else {
      detail::answer_block(term, block_, weights_[I], mask, std::array<NoStatistic, 0>{}, sums_, d_stat_,
                           std::get<I>(term_sums_));
    }
    Bits included = 0;
    for (std::size_t i = 0; i < block_size; ++i) included += mask[i] & 1;
    tally_.tokens[I] += static_cast<double>(included);
  }

  /// All rows that count, or those of them that the term speaks of.
  template <class Term>
  detail::Mask<T> const& mask_of() {
    if constexpr (!detail::SubsetTerm<Term>) return counted_;
    for (std::size_t i = 0; i < block_size; ++i) subset_[i] = includes<Term>(block_, i) ? ~Bits{0} : Bits{0};
    return subset_;
  }

  template <std::size_t I>
  void set_weights(term_type<I> const& term, std::size_t begin) {
    if (weighted_[I]) return;  // the block before lies in the same sequence
    auto& weights = weights_[I];
    weights.fill(T(0));
    for_each_part(
        [&](std::size_t s, std::size_t from, std::size_t to) {
          auto const length = static_cast<double>(rows_.lengths[first_sequence_ + s]);
          auto const weight = static_cast<T>(objective_.aggregate_of(term).weight(denominators_[I], length));
          std::fill(weights.begin() + from, weights.begin() + to, weight);
        },
        begin);
    weighted_[I] = true;
  }

  void collect_sums() {
    for_each_term(objective_, [&]<std::size_t I>(auto const&, std::integral_constant<std::size_t, I>) {
      auto const& sums = std::get<I>(term_sums_);
      tally_.losses[I] += sum(sums.loss);
      for (std::size_t m = 0; m < sums.metrics.size(); ++m) tally_.metrics[first_metric<I> + m] += sum(sums.metrics[m]);
    });
  }

  /// d loss / d statistic * d statistic / d log p of each token of the sequence.
  void add_through_statistics(std::size_t begin) {
    load(begin);
    sums_.log_p.fill(T(0));
    for_each_term(objective_, [&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
      using Term = term_type<I>;
      if constexpr (detail::SequenceTerm<Term>) {
        for (std::size_t i = 0; i < block_.count; ++i)
          if (includes<Term>(block_, i))
            sums_.log_p[i] += static_cast<T>(states_[sequence_[i]].d_stat[I]) * term.d_prepare(block_.token(i));
      }
    });
    write(sums_.log_p, gradients_.log_prob, begin);
  }

  using Lane = typename detail::Block<T>::template Column<T>;

  void write(Lane const& from, std::span<T> to, std::size_t begin) const {
    if (to.empty()) return;
    for (std::size_t i = 0; i < block_.count; ++i) to[begin + i] += from[i];
  }

  static double sum(detail::LaneSums const& lanes) {
    double total = 0;
    for (double lane : lanes) total += lane;
    return total;
  }

  Terms const& objective_;
  Rows<T> const& rows_;
  denominators_type const& denominators_;
  TokenGradients<T> gradients_;
  tally_type& tally_;

  std::size_t first_sequence_ = 0, sequences_ = 0, cursor_ = 0;
  std::vector<State> states_;
  detail::Block<T> block_;
  std::array<std::uint32_t, block_size> sequence_;
  detail::BlockGradients<T> sums_;
  alignas(64) std::array<Lane, size> weights_;
  alignas(64) Lane d_stat_;
  alignas(64) detail::Mask<T> counted_, subset_;
  std::array<bool, size> weighted_{};
  std::size_t inside_ = none;
  std::tuple<detail::TermSums<Ts::metric_names.size()>...> term_sums_{};
};

}  // namespace grove
