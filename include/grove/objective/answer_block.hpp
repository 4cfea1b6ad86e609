// SPDX-License-Identifier: Apache-2.0
// The arithmetic of an objective: one term over one block of rows, one vector of rows after the other. The inner loops
// have a constant number of turns and write to arrays of their own, so that the compiler sees that nothing overlaps and
// makes vector instructions of them.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "grove/objective/block.hpp"
#include "grove/objective/token.hpp"
#include "grove/objective/vector_units.hpp"

namespace grove::detail {

/// All ones where a row counts for a term, else zero. What does not count is masked out, not multiplied by zero,
/// because it may be no number; and by its bits, since a choice between two results is a branch to a compiler that
/// minds floating-point traps.
template <std::floating_point T>
using Mask = std::array<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>, Block<T>::size>;

template <std::floating_point T, class Bits>
constexpr T masked(T x, Bits mask) {
  return std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(x) & mask));
}

/// One number a row of a vector, and the same as one value.
template <std::floating_point T>
using Lane = std::array<T, lanes<T>>;
template <std::floating_point T>
using Vector [[gnu::vector_size(sizeof(Lane<T>))]] = T;

/// Adds a lane to the first `rows` numbers at `to`.
template <std::floating_point T>
[[gnu::always_inline]] inline void add_lane(Lane<T> const& from, T* to, std::size_t rows) {
  if (rows < lanes<T>) {
    for (std::size_t j = 0; j < rows; ++j) to[j] += from[j];
    return;
  }
  Vector<T> x, sum;
  std::memcpy(&x, from.data(), sizeof x);
  std::memcpy(&sum, to, sizeof sum);
  sum += x;
  std::memcpy(to, &sum, sizeof sum);
}

/// Sums over blocks, eight side by side, so that none waits for the one before it.
using LaneSums = std::array<double, 8>;

/// A sum over the rows of a block, a lane each.
template <std::floating_point T>
class BlockSum {
 public:
  [[gnu::always_inline]] void add(Lane<T> const& lane) {
    Vector<T> x;
    std::memcpy(&x, lane.data(), sizeof x);
    sum_ += x;
  }
  /// Adds `weight` times the sum.
  [[gnu::always_inline]] void add_to(LaneSums& sums, T weight) const {
    Lane<T> lane;
    std::memcpy(lane.data(), &sum_, sizeof sum_);
    for (std::size_t part = 0; part < lanes<T>; part += sums.size())
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(weight * lane[part + i]);
  }

 private:
  Vector<T> sum_ = {};
};

/// Where derivatives of a block's rows are added; null where nobody asks.
template <std::floating_point T>
struct BlockGradients {
  T *log_p, *entropy, *value;
};

/// One term's sums over blocks.
template <std::size_t Metrics>
struct TermSums {
  LaneSums loss{};
  LaneSums d_stat{};  ///< derivatives with respect to the sequence's statistic
  std::array<LaneSums, Metrics> metrics{};
};

/// Sets the mask of all rows that count; returns how many do.
template <std::floating_point T>
std::size_t mask_counted(Block<T> const& block, Mask<T>& mask) {
  using Bits = typename Mask<T>::value_type;
  std::size_t counted = 0;
  on_vector_units([&]() __attribute__((always_inline)) {
    auto const* const counts = block.counts;
    auto const rows = block.count, end = whole_vectors<T>(rows);
    Bits sum = 0;
    for (std::size_t i = 0; i < end; ++i) {
      mask[i] = counts[i] != 0 ? ~Bits{0} : Bits{0};
      sum += mask[i] & 1;
    }
    for (std::size_t i = rows; i < end; ++i) {
      sum -= mask[i] & 1;
      mask[i] = 0;
    }
    counted = sum;
  });
  return counted;
}

/// Adds a term's weighted answers. `statistic` is the sequence's for a term with Scope::Sequence.
template <class Term, std::floating_point T, std::size_t Metrics, class Statistic>
void answer_block(Term const& given, Block<T> const& given_block, Statistic const& statistic, T weight,
                  Mask<T> const& masks, BlockGradients<T> const& to, TermSums<Metrics>& sums) {
  on_vector_units([&]() __attribute__((always_inline)) {
    Term const term = given;
    Block<T> const block = given_block;
    Statistic const stat = statistic;
    // A sequence-level term reports one number a sequence: its tokens share it.
    T const share = per_sequence<Term> && block.length > 0 ? T(1) / block.length : T(1);
    BlockSum<T> loss_sum, d_stat_sum;
    std::array<BlockSum<T>, Metrics> metric_sums;
    for (std::size_t begin = 0; begin < block.count; begin += lanes<T>) {
      alignas(64) Lane<T> loss, d_log_p, d_entropy, d_value, d_stat;
      alignas(64) std::array<Lane<T>, Metrics> metrics;
      for (std::size_t j = 0; j < lanes<T>; ++j) {
        auto const value = [&]() __attribute__((always_inline)) {
          if constexpr (SequenceTerm<Term>)
            return term(block.token(begin + j), stat);
          else
            return term(block.token(begin + j));
        }
        ();
        auto const mask = masks[begin + j];
        loss[j] = masked(value.loss, mask);
        d_log_p[j] = masked(weight * value.d_log_p, mask);
        if constexpr (Term::needs.contains(Column::Entropy)) d_entropy[j] = masked(weight * value.d_entropy, mask);
        if constexpr (Term::needs.contains(Column::Value)) d_value[j] = masked(weight * value.d_value, mask);
        if constexpr (SequenceTerm<Term>) d_stat[j] = masked(value.d_stat, mask);
        for (std::size_t m = 0; m < Metrics; ++m) metrics[m][j] = masked(value.metrics[m], mask);
      }
      auto const rows = block.count - begin;
      if (to.log_p) add_lane<T>(d_log_p, to.log_p + begin, rows);
      if constexpr (Term::needs.contains(Column::Entropy))
        if (to.entropy) add_lane<T>(d_entropy, to.entropy + begin, rows);
      if constexpr (Term::needs.contains(Column::Value))
        if (to.value) add_lane<T>(d_value, to.value + begin, rows);
      loss_sum.add(loss);
      if constexpr (SequenceTerm<Term>) d_stat_sum.add(d_stat);
      for (std::size_t m = 0; m < Metrics; ++m) metric_sums[m].add(metrics[m]);
    }
    loss_sum.add_to(sums.loss, weight);
    if constexpr (SequenceTerm<Term>) d_stat_sum.add_to(sums.d_stat, weight);
    for (std::size_t m = 0; m < Metrics; ++m) metric_sums[m].add_to(sums.metrics[m], share);
  });
}

/// Adds a block's part to the statistic of its sequence, a lane each.
template <class Term, std::floating_point T, class Statistic>
void prepare_block(Term const& given, Block<T> const& given_block, Mask<T> const& masks,
                   std::array<Statistic, lanes<T>>& given_sums) {
  on_vector_units([&]() __attribute__((always_inline)) {
    Term const term = given;
    Block<T> const block = given_block;
    auto sums = given_sums;
    for (std::size_t begin = 0; begin < block.count; begin += lanes<T>) {
      auto all = masks[begin];
      for (std::size_t j = 1; j < lanes<T>; ++j) all &= masks[begin + j];
      if (all != 0) {
        for (std::size_t j = 0; j < lanes<T>; ++j)
          sums[j] = Term::combine(sums[j], term.prepare(block.token(begin + j)));
      } else {
        for (std::size_t j = 0; j < lanes<T>; ++j)
          if (masks[begin + j] != 0) sums[j] = Term::combine(sums[j], term.prepare(block.token(begin + j)));
      }
    }
    given_sums = sums;
  });
}

/// Adds d loss / d statistic * d statistic / d log p of each row.
template <class Term, std::floating_point T>
void add_through_statistic(Term const& given, Block<T> const& given_block, Mask<T> const& masks, T d_stat, T* to) {
  on_vector_units([&]() __attribute__((always_inline)) {
    Term const term = given;
    Block<T> const block = given_block;
    for (std::size_t begin = 0; begin < block.count; begin += lanes<T>) {
      alignas(64) Lane<T> d_log_p;
      for (std::size_t j = 0; j < lanes<T>; ++j)
        d_log_p[j] = masked(d_stat * term.d_prepare(block.token(begin + j)), masks[begin + j]);
      add_lane<T>(d_log_p, to + begin, block.count - begin);
    }
  });
}

}  // namespace grove::detail
