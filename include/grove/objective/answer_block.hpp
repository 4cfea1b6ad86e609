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

/// `statistics`: one a row for a term with Scope::Sequence.
template <class Term, std::floating_point T, std::size_t Metrics, class Statistics>
void answer_block(Term const& given, Block<T> const& block, std::array<T, Block<T>::size> const& weights,
                  Mask<T> const& masks, Statistics const& statistics, BlockAnswers<T, Metrics>& answers) {
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
      out.d_entropy[i] = masked(weight * value.d_entropy, mask);
      out.d_value[i] = masked(weight * value.d_value, mask);
      out.d_stat[i] = masked(weight * value.d_stat, mask);
      // A sequence-level term reports one number a sequence: its tokens share it.
      T const share = per_sequence<Term> ? T(1) / block.length[i] : T(1);
      for (std::size_t m = 0; m < Metrics; ++m) out.metrics[m][i] = masked(share * value.metrics[m], mask);
    }
    answers = out;
  });
}

}  // namespace grove::detail
