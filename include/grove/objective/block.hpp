// SPDX-License-Identifier: Apache-2.0
// The pieces in which the loop over tokens takes `Rows`.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "grove/columns.hpp"
#include "grove/objective/rows.hpp"
#include "grove/objective/token.hpp"

namespace grove::detail {

/// Rows of one turn of the inner loop: what a vector register of 64 bytes holds.
template <std::floating_point T>
inline constexpr std::size_t lanes = 64 / sizeof(T);

/// The next multiple of `lanes`.
template <std::floating_point T>
constexpr std::size_t whole_vectors(std::size_t rows) {
  return (rows + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// At most `size` consecutive rows of one sequence, column by column where they are stored. They can be read in whole
/// vectors: behind the last row there is another sequence's, or zeros.
template <std::floating_point T>
struct Block {
  static constexpr std::size_t size = 384;

  std::size_t count = 0;
  T length = 0;  ///< tokens of the sequence that count
  std::uint8_t const* counts = nullptr;
  T const *log_p, *log_p_old, *log_p_rollout, *log_p_ref, *entropy, *advantage, *value, *value_old, *return_, *reward,
      *selected;

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
            .length = length};
  }
};

/// Makes blocks of `Rows`. Columns are read in place; only the last rows of all are copied where they fill no vector.
template <std::floating_point T>
class BlockReader {
 public:
  /// Columns in `read`, and those that no set names, are read; others are zeros.
  BlockReader(Rows<T> const& rows, ColumnSet read) : rows_(rows), read_(read) {}

  /// Rows [begin, begin + count) of a sequence of which `length` tokens count; good until the next call.
  Block<T> operator()(std::size_t begin, std::size_t count, T length) {
    copied_ = begin + whole_vectors<T>(count) > rows_.counts.size();
    copies_ = 0;
    auto const if_read = [&](Column name, std::span<const T> column) {
      return at(read_.contains(name) ? column : std::span<const T>(), zeros, begin, count);
    };
    Block<T> block{.count = count,
                   .length = length,
                   .counts = rows_.counts.data() + begin,
                   .log_p = if_read(Column::LogProb, rows_.log_p),
                   .log_p_old = if_read(Column::OldLogProb, rows_.log_p_old),
                   .log_p_rollout = if_read(Column::RolloutLogProb, rows_.log_p_rollout),
                   .log_p_ref = if_read(Column::RefLogProb, rows_.log_p_ref),
                   .entropy = if_read(Column::Entropy, rows_.entropy),
                   .advantage = at(rows_.advantage, zeros, begin, count),
                   .value = if_read(Column::Value, rows_.value),
                   .value_old = if_read(Column::OldValue, rows_.value_old),
                   .return_ = if_read(Column::Value, rows_.return_),
                   .reward = if_read(Column::Reward, rows_.reward),
                   .selected = at(rows_.selected, ones, begin, count)};  // without a rule every token is taken
    if (copied_) {
      counts_.fill(0);
      std::copy_n(block.counts, count, counts_.begin());
      block.counts = counts_.data();
    }
    return block;
  }

 private:
  using Copy = std::array<T, Block<T>::size>;

  static constexpr Copy filled(T x) {
    Copy copy{};
    for (T& element : copy) element = x;
    return copy;
  }
  static constexpr Copy zeros = filled(T(0)), ones = filled(T(1));

  T const* at(std::span<const T> column, Copy const& absent, std::size_t begin, std::size_t count) {
    if (column.empty()) return absent.data();
    if (!copied_) return column.data() + begin;
    auto& copy = copy_[copies_++];
    copy.fill(T(0));
    std::copy_n(column.data() + begin, count, copy.begin());
    return copy.data();
  }

  Rows<T> const& rows_;
  ColumnSet read_;
  bool copied_ = false;
  std::size_t copies_ = 0;
  alignas(64) std::array<Copy, 11> copy_;
  std::array<std::uint8_t, Block<T>::size> counts_;
};

}  // namespace grove::detail
