// SPDX-License-Identifier: Apache-2.0
// Columns of consecutive tokens, and the fixed-size block of them that terms are evaluated on.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "grove/columns.hpp"
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
      return_{}, reward{}, selected{};
};

namespace detail {

/// Rows [begin, begin + count) of a `Rows`, copied into arrays of one fixed length, so that the loop over them has a
/// constant number of turns and no aliases: compilers then turn a term into vector instructions. Rows past `count` are
/// zeros that do not count. All blocks that one object loads are of the same `Rows`.
template <std::floating_point T>
struct Block {
  static constexpr std::size_t size = 64;
  template <class U>
  using Column = std::array<U, size>;

  std::size_t count = 0;
  alignas(64) Column<T> log_p{}, log_p_old{}, log_p_rollout{}, log_p_ref{}, entropy{}, advantage{}, value{},
      value_old{}, return_{}, reward{}, selected{}, length{}, counts{};

  /// Loads the columns in `read`, and those that no set names.
  void load(Rows<T> const& rows, std::size_t begin, std::size_t n, ColumnSet read) {
    count = n;
    auto const load_if = [&](grove::Column name, std::span<const T> from, Column<T>& to) {
      if (read.contains(name)) copy(from, begin, to);
    };
    load_if(grove::Column::LogProb, rows.log_p, log_p);
    load_if(grove::Column::OldLogProb, rows.log_p_old, log_p_old);
    load_if(grove::Column::RolloutLogProb, rows.log_p_rollout, log_p_rollout);
    load_if(grove::Column::RefLogProb, rows.log_p_ref, log_p_ref);
    load_if(grove::Column::Entropy, rows.entropy, entropy);
    load_if(grove::Column::Value, rows.value, value);
    load_if(grove::Column::OldValue, rows.value_old, value_old);
    load_if(grove::Column::Value, rows.return_, return_);
    load_if(grove::Column::Reward, rows.reward, reward);
    copy(rows.advantage, begin, advantage);
    if (rows.selected.empty())
      selected.fill(T(1));  // without a rule every token is taken
    else
      copy(rows.selected, begin, selected);
    copy(rows.counts, begin, counts);
  }

  Token<T> token(std::size_t i) const {
    return {.log_p = log_p[i],
            .log_p_detached = log_p[i],
            .log_p_old = log_p_old[i],
            .log_p_rollout = log_p_rollout[i],
            .log_p_ref = log_p_ref[i],
            .entropy = entropy[i],
            .advantage = advantage[i],
            .value = value[i],
            .value_old = value_old[i],
            .return_ = return_[i],
            .reward = reward[i],
            .selected = selected[i],
            .length = length[i]};
  }

 private:
  /// A column that is not there stays the zeros it began as. A whole block has a constant number of turns.
  template <class U>
  void copy(std::span<const U> from, std::size_t begin, Column<T>& to) const {
    if (from.empty()) return;
    auto const* const source = from.data() + begin;
    if (count == size) {
      for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<T>(source[i]);
      return;
    }
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(source[i]);
    std::fill(to.begin() + static_cast<std::ptrdiff_t>(count), to.end(), T(0));
  }
};

}  // namespace detail
}  // namespace grove
