// SPDX-License-Identifier: Apache-2.0
// The loop over tokens behind `Terms::evaluate`, sequence by sequence: its statistics first where a term has them, then
// block by block each term's loss and derivatives, then the derivatives that go through the statistics.
#pragma once

#include <numeric>

#include "grove/objective/answer_block.hpp"
#include "grove/objective/terms.hpp"

namespace grove {

template <class A, class... Ts>
template <std::floating_point T>
class Terms<A, Ts...>::Pass {
 public:
  Pass(Terms const& objective, Rows<T> const& rows, denominators_type const& denominators, TokenGradients<T> gradients,
       tally_type& tally)
      : objective_(objective),
        rows_(rows),
        denominators_(denominators),
        gradients_(gradients),
        tally_(tally),
        reader_(rows, needs) {}

  void run() {
    auto const& cu = rows_.cu_seqlens;
    auto const begin = rows_.first, end = begin + rows_.counts.size();
    auto s = static_cast<std::size_t>(std::ranges::upper_bound(cu, begin) - cu.begin() - 1);
    for (; s < rows_.lengths.size() && cu[s] < end; ++s)
      add_sequence({.begin = std::max(cu[s], begin) - begin,
                    .end = std::min(cu[s + 1], end) - begin,
                    .length = static_cast<T>(rows_.lengths[s])});
    collect_sums();
  }

 private:
  /// The rows of a sequence, or of as much of it as there is.
  struct Sequence {
    std::size_t begin, end;
    T length;  ///< tokens that count
  };

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

  void add_sequence(Sequence const& sequence) {
    if constexpr (scope == Scope::Sequence) {
      for_each_sequence_term([&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
        std::get<I>(statistics_) = statistic<I>(term, sequence);
        std::get<I>(term_sums_).d_stat.fill(0);
      });
    }
    for_each_term(objective_, [&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
      weights_[I] =
          static_cast<T>(objective_.aggregate_of(term).weight(denominators_[I], static_cast<double>(sequence.length)));
    });
    for_each_block(sequence, [&](detail::Block<T> const& block, std::size_t begin) {
      for_each_term(objective_, [&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
        if (!term.wanted().empty()) add_term<I>(term, block, begin);
      });
    });
    if constexpr (scope == Scope::Sequence) add_through_statistics(sequence);
  }

  template <class F>
  void for_each_sequence_term(F const& f) {
    for_each_term(objective_, [&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I> i) {
      if constexpr (detail::SequenceTerm<term_type<I>>) f(term, i);
    });
  }

  /// f(block, its first row) for a sequence's blocks; sets `counted_` to the mask of the block's rows that count.
  template <class F>
  void for_each_block(Sequence const& sequence, F const& f) {
    for (auto begin = sequence.begin; begin < sequence.end; begin += detail::Block<T>::size) {
      auto const block = reader_(begin, std::min(detail::Block<T>::size, sequence.end - begin), sequence.length);
      rows_counted_ = detail::mask_counted(block, counted_);
      f(block, begin);
    }
  }

  template <std::size_t I>
  statistic_type<I> statistic(term_type<I> const& term, Sequence const& sequence) {
    using Term = term_type<I>;
    std::array<statistic_type<I>, detail::lanes<T>> lanes{};
    for_each_block(sequence, [&](detail::Block<T> const& block, std::size_t) {
      detail::prepare_block(term, block, mask_of<Term>(block), lanes);
    });
    statistic_type<I> sum{};
    for (auto const& lane : lanes) sum = Term::combine(sum, lane);
    return sum;
  }

  template <std::size_t I>
  void add_term(term_type<I> const& term, detail::Block<T> const& block, std::size_t begin) {
    auto const& mask = mask_of<term_type<I>>(block);
    auto const at = [&](std::span<T> to) { return to.empty() ? nullptr : to.data() + begin; };
    detail::answer_block(term, block, std::get<I>(statistics_), weights_[I], mask,
                         {at(gradients_.log_prob), at(gradients_.entropy), at(gradients_.value)},
                         std::get<I>(term_sums_));
    tally_.tokens[I] += static_cast<double>(detail::SubsetTerm<term_type<I>> ? rows_included_ : rows_counted_);
  }

  /// The block's rows that count, or those of them that the term speaks of.
  template <class Term>
  detail::Mask<T> const& mask_of(detail::Block<T> const& block) {
    if constexpr (!detail::SubsetTerm<Term>) return counted_;
    rows_included_ = 0;
    for (std::size_t i = 0; i < detail::whole_vectors<T>(block.count); ++i) {
      bool const included = counted_[i] != 0 && includes<Term>(block, i);
      included_[i] = included ? counted_[i] : 0;
      rows_included_ += included;
    }
    return included_;
  }

  void add_through_statistics(Sequence const& sequence) {
    if (gradients_.log_prob.empty()) return;
    for_each_sequence_term([&]<std::size_t I>(auto const& term, std::integral_constant<std::size_t, I>) {
      auto const d_stat = static_cast<T>(sum(std::get<I>(term_sums_).d_stat));
      if (d_stat == 0) return;
      for_each_block(sequence, [&](detail::Block<T> const& block, std::size_t begin) {
        detail::add_through_statistic(term, block, mask_of<term_type<I>>(block), d_stat,
                                      gradients_.log_prob.data() + begin);
      });
    });
  }

  void collect_sums() {
    for_each_term(objective_, [&]<std::size_t I>(auto const&, std::integral_constant<std::size_t, I>) {
      auto const& sums = std::get<I>(term_sums_);
      tally_.losses[I] += sum(sums.loss);
      for (std::size_t m = 0; m < sums.metrics.size(); ++m) tally_.metrics[first_metric<I> + m] += sum(sums.metrics[m]);
    });
  }

  static double sum(detail::LaneSums const& lanes) { return std::accumulate(lanes.begin(), lanes.end(), 0.0); }

  template <class Indices>
  struct StatisticsOf;
  template <std::size_t... I>
  struct StatisticsOf<std::index_sequence<I...>> {
    using type = std::tuple<statistic_type<I>...>;
  };

  Terms const& objective_;
  Rows<T> const& rows_;
  denominators_type const& denominators_;
  TokenGradients<T> gradients_;
  tally_type& tally_;

  detail::BlockReader<T> reader_;
  typename StatisticsOf<std::index_sequence_for<Ts...>>::type statistics_{};  ///< of the sequence
  std::array<T, size> weights_{};
  alignas(64) detail::Mask<T> counted_, included_;
  std::size_t rows_counted_ = 0, rows_included_ = 0;
  std::tuple<detail::TermSums<Ts::metric_names.size()>...> term_sums_{};
};

}  // namespace grove
