// SPDX-License-Identifier: Apache-2.0
// The arithmetic of an objective: one term over one block of rows. Everything else moves numbers to and from here. It
// works on copies of its own, so that the compiler sees that nothing overlaps and makes vector instructions of it.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "grove/objective/rows.hpp"
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

/// A term's weighted answers for the rows of a block.
template <std::floating_point T, std::size_t Metrics>
struct BlockAnswers {
  using Lane = std::array<T, Block<T>::size>;
  alignas(64) Lane loss, d_log_p, d_entropy, d_value, d_stat;
  alignas(64) std::array<Lane, Metrics> metrics;
};

/// Sums over the blocks of a pass, eight side by side, so that none waits for the one before it.
using LaneSums = std::array<double, 8>;

/// Adds a lane, four rows at a time in T and the rest in double.
template <std::floating_point T>
[[gnu::always_inline]] inline void add_lane(std::array<T, Block<T>::size> const& lane, LaneSums& sums) {
  constexpr std::size_t quarter = Block<T>::size / 4;
  std::array<T, quarter> fours;
  for (std::size_t i = 0; i < quarter; ++i)
    fours[i] = (lane[i] + lane[i + quarter]) + (lane[i + 2 * quarter] + lane[i + 3 * quarter]);
  for (std::size_t i = 0; i < 8; ++i) sums[i] += static_cast<double>(fours[i]) + static_cast<double>(fours[i + 8]);
}

/// What the terms of an objective have added up over the rows of a block, and one term's sums over all blocks.
template <std::floating_point T>
struct BlockGradients {
  using Lane = std::array<T, Block<T>::size>;
  alignas(64) Lane log_p, entropy, value;
};
template <std::size_t Metrics>
struct TermSums {
  LaneSums loss{};
  std::array<LaneSums, Metrics> metrics{};
};

/// `statistics`: one a row for a term with Scope::Sequence, whose d_stat are then left in `d_stat`.
template <class Term, std::floating_point T, std::size_t Metrics, class Statistics>
void answer_block(Term const& given, Block<T> const& block, std::array<T, Block<T>::size> const& weights,
                  Mask<T> const& masks, Statistics const& statistics, BlockGradients<T>& gradients,
                  std::array<T, Block<T>::size>& d_stat, TermSums<Metrics>& sums) {
  on_vector_units([&]() __attribute__((always_inline)) {
    Term const term = given;
    BlockAnswers<T, Metrics> out;
    for (std::size_t i = 0; i < Block<T>::size; ++i) {
      auto const value = [&]() __attribute__((always_inline)) {
        if constexpr (SequenceTerm<Term>)
          return term(block.token(i), statistics[i]);
        else
          return term(block.token(i));
      }
      ();
      auto const mask = masks[i];
      T const weight = weights[i];
      out.loss[i] = masked(weight * value.loss, mask);
      out.d_log_p[i] = masked(weight * value.d_log_p, mask);
      if constexpr (Term::needs.contains(grove::Column::Entropy))
        out.d_entropy[i] = masked(weight * value.d_entropy, mask);
      if constexpr (Term::needs.contains(grove::Column::Value)) out.d_value[i] = masked(weight * value.d_value, mask);
      if constexpr (SequenceTerm<Term>) out.d_stat[i] = masked(weight * value.d_stat, mask);
      // A sequence-level term reports one number a sequence: its tokens share it.
      T const share = per_sequence<Term> ? T(1) / block.length[i] : T(1);
      for (std::size_t m = 0; m < Metrics; ++m) out.metrics[m][i] = masked(share * value.metrics[m], mask);
    }
    for (std::size_t i = 0; i < Block<T>::size; ++i) gradients.log_p[i] += out.d_log_p[i];
    if constexpr (Term::needs.contains(grove::Column::Entropy))
      for (std::size_t i = 0; i < Block<T>::size; ++i) gradients.entropy[i] += out.d_entropy[i];
    if constexpr (Term::needs.contains(grove::Column::Value))
      for (std::size_t i = 0; i < Block<T>::size; ++i) gradients.value[i] += out.d_value[i];
    if constexpr (SequenceTerm<Term>) d_stat = out.d_stat;
    add_lane<T>(out.loss, sums.loss);
    for (std::size_t m = 0; m < Metrics; ++m) add_lane<T>(out.metrics[m], sums.metrics[m]);
  });
}

}  // namespace grove::detail
