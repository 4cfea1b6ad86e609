// SPDX-License-Identifier: Apache-2.0
// Columns of consecutive tokens: what terms are evaluated on.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

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

  /// Rows [begin, end).
  Rows part(std::size_t begin, std::size_t end) const {
    auto const cut = [&](auto column) { return column.empty() ? column : column.subspan(begin, end - begin); };
    return {.cu_seqlens = cu_seqlens,
            .lengths = lengths,
            .first = first + begin,
            .counts = cut(counts),
            .log_p = cut(log_p),
            .log_p_old = cut(log_p_old),
            .log_p_rollout = cut(log_p_rollout),
            .log_p_ref = cut(log_p_ref),
            .entropy = cut(entropy),
            .advantage = cut(advantage),
            .value = cut(value),
            .value_old = cut(value_old),
            .return_ = cut(return_),
            .reward = cut(reward),
            .selected = cut(selected)};
  }
};

}  // namespace grove
