// SPDX-License-Identifier: Apache-2.0
// The per-token columns that compositions ask for. A column nobody needs is never computed.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace grove {

/// One number a token, in the order of the packed sequences.
enum class Column : std::uint16_t {
  LogProb = 1 << 0,         ///< log-prob of the chosen token under the policy that is being trained
  OldLogProb = 1 << 1,      ///< the same under the policy at the start of the batch's updates
  RolloutLogProb = 1 << 2,  ///< the same as the sampler computed it
  RefLogProb = 1 << 3,      ///< the same under the frozen reference policy
  Entropy = 1 << 4,         ///< entropy of the whole next-token distribution, natural logarithm
  SumSquares = 1 << 5,      ///< sum of the squared probabilities of that distribution
  Value = 1 << 6,           ///< the critic's value of the state before the token
  OldValue = 1 << 7,        ///< the same at the start of the batch's updates
  Reward = 1 << 8,          ///< of the token's sequence, after shaping
};

/// A set of columns, usable in constant expressions.
class ColumnSet {
 public:
  constexpr ColumnSet() = default;
  constexpr ColumnSet(Column column) : bits_(static_cast<std::uint16_t>(column)) {}
  constexpr ColumnSet(std::initializer_list<Column> columns) {
    for (auto column : columns) bits_ |= static_cast<std::uint16_t>(column);
  }

  constexpr bool contains(Column column) const { return (bits_ & static_cast<std::uint16_t>(column)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(ColumnSet const&) const = default;

  friend constexpr ColumnSet operator|(ColumnSet a, ColumnSet b) { return from_bits(a.bits_ | b.bits_); }
  friend constexpr ColumnSet operator&(ColumnSet a, ColumnSet b) { return from_bits(a.bits_ & b.bits_); }
  friend constexpr ColumnSet operator-(ColumnSet a, ColumnSet b) { return from_bits(a.bits_ & ~b.bits_); }

 private:
  static constexpr ColumnSet from_bits(int bits) {
    ColumnSet set;
    set.bits_ = static_cast<std::uint16_t>(bits);
    return set;
  }

  std::uint16_t bits_ = 0;
};

constexpr ColumnSet operator|(Column a, Column b) { return ColumnSet(a) | ColumnSet(b); }

/// What a policy computes for each token of a batch. A span that was not asked for is empty.
template <std::floating_point T>
struct TokenOutputs {
  std::span<T> log_prob{};
  std::span<T> entropy{};
  std::span<T> sum_squares{};
  std::span<T> value{};
  std::span<T> bootstrap{};  ///< [sequences] value after the last token of a truncated sequence; else left alone
};

/// Derivatives of the loss with respect to the outputs above; a span is empty where its output was not asked for.
template <std::floating_point T>
struct TokenGradients {
  std::span<T> log_prob{};
  std::span<T> entropy{};
  std::span<T> value{};

  /// Those of rows [begin, end).
  TokenGradients part(std::size_t begin, std::size_t end) const {
    auto const cut = [&](std::span<T> column) { return column.empty() ? column : column.subspan(begin, end - begin); };
    return {cut(log_prob), cut(entropy), cut(value)};
  }
};

}  // namespace grove
