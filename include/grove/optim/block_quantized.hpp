// SPDX-License-Identifier: Apache-2.0
// Numbers in 8 bits each: block-wise dynamic quantisation (Dettmers et al. 2022, arXiv 2110.02861, section 2). Each
// block of 256 numbers has a scale, the largest magnitude in it, and each number the nearest level of a fixed map times
// that scale. So an outlier spoils its own block alone, and seven decades of magnitudes have levels.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace grove {

/// Elements with one scale, as bitsandbytes has it in its 8-bit AdamW. The paper's 2048 costs 1.5 % less memory and
/// lets an outlier reach eight times as far.
constexpr std::size_t quantized_block = 256;

/// What an array of so many numbers has of blocks; the last may be shorter.
constexpr std::size_t quantized_blocks(std::size_t size) { return (size + quantized_block - 1) / quantized_block; }

/// Whether numbers of either sign are stored, or magnitudes, which then have twice as many levels.
enum class Sign : std::uint8_t { Either, None };

/// The levels of the dynamic map: decade i of seven, (10^(i-7), 10^(i-6)), has 2^i of them (magnitudes: 2^(i+1)), the
/// middles of equal parts; besides 0 and 1. Below, a level is meant by its place among the magnitudes: 0 is 0.
///
/// A number gets the nearest level, of two as near the smaller. There is one exception: a magnitude that is not 0 never
/// becomes 0. A second moment of 0 below a first moment that is not would make the next step as large as AdamW's
/// epsilon allows.
template <Sign S>
class DynamicMap {
 public:
  /// Levels that are not negative, 0 and 1 among them.
  static constexpr std::size_t count = S == Sign::None ? 256 : 129;

  static constexpr float level(std::size_t place) { return levels[place]; }

  /// The place of the level that stands for a ratio from 0 to 1. Whatever is no such ratio gets the last one.
  static std::size_t place(float ratio) {
    auto const cell = std::bit_cast<std::uint32_t>(ratio) >> 16U;
    std::size_t const below = starts[std::clamp(cell, first_cell, last_cell) - first_cell];
    return below + (ratio > middles[below] ? 1 : 0);
  }

 private:
  // A float's upper half, its exponent and seven bits of its mantissa, numbers cells of which none has two borders
  // between levels; those below 2^-23 are one.
  static constexpr std::uint32_t first_cell = 0x3400, last_cell = 0x3F80;

  static constexpr std::array<float, count> make_levels() {
    std::array<float, count> all{};
    std::size_t place = 1;
    double decade = 1e-6;
    for (std::size_t i = 0; i < 7; ++i, decade *= 10) {
      auto const parts = std::size_t{1} << (S == Sign::None ? i + 1 : i);
      for (std::size_t k = 0; k < parts; ++k)
        all[place++] =
            static_cast<float>(decade * (0.1 + 0.9 * (static_cast<double>(k) + 0.5) / static_cast<double>(parts)));
    }
    all[place] = 1;
    return all;
  }
  static constexpr std::array<float, count> levels = make_levels();

  /// What lies above border k belongs to level k + 1.
  static constexpr std::array<float, count> make_middles() {
    std::array<float, count> all{};
    for (std::size_t k = 0; k + 1 < count; ++k) all[k] = (levels[k] + levels[k + 1]) / 2;
    if (S == Sign::None) all[0] = 0;
    all[count - 1] = std::numeric_limits<float>::infinity();
    return all;
  }
  static constexpr std::array<float, count> middles = make_middles();

  /// The level of each cell's lower end.
  static constexpr std::array<std::uint8_t, last_cell - first_cell + 1> make_starts() {
    std::array<std::uint8_t, last_cell - first_cell + 1> all{};
    std::size_t level = 0;
    for (std::uint32_t cell = 1; cell < all.size(); ++cell) {
      auto const begin = std::bit_cast<float>((first_cell + cell) << 16U);
      while (begin > middles[level]) ++level;
      all[cell] = static_cast<std::uint8_t>(level);
    }
    return all;
  }
  static constexpr auto starts = make_starts();

  static constexpr bool cells_have_one_border() {
    for (std::size_t cell = 0; cell + 1 < starts.size(); ++cell)
      if (starts[cell + 1] > starts[cell] + 1) return false;
    return true;
  }
  static_assert(cells_have_one_border());
};

/// An array of T in 8 bits a number and one T a block.
template <class T, Sign S>
struct BlockQuantized {
  using Map = DynamicMap<S>;

  std::vector<std::uint8_t> codes{};  ///< place of the level among all, the negative ones first
  std::vector<T> scales{};            ///< largest magnitude of each block

  /// Zeros.
  explicit BlockQuantized(std::size_t size = 0)
      : codes(size, static_cast<std::uint8_t>(zero)), scales(quantized_blocks(size)) {}

  std::size_t bytes() const { return codes.size() + scales.size() * sizeof(T); }

  /// Numbers [begin, begin + out.size()) of one block, where `begin` is a multiple of `quantized_block`.
  void load(std::size_t begin, std::span<T> out) const {
    T const scale = scales[begin / quantized_block];
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(values[codes[begin + i]]) * scale;
  }

  /// Takes over a whole block.
  void store(std::size_t begin, std::span<T const> in) {
    T const scale = largest(in);
    scales[begin / quantized_block] = scale;
    T const divisor = scale > 0 ? scale : T(1);
    std::array<float, quantized_block> ratios;
    for (std::size_t i = 0; i < in.size(); ++i) ratios[i] = static_cast<float>(in[i] / divisor);
    std::uint8_t* const to = codes.data() + begin;
    for (std::size_t i = 0; i < in.size(); ++i) to[i] = code(ratios[i]);
  }

 private:
  /// The largest magnitude, of eight stretches at a time, which compilers make vector instructions of.
  static T largest(std::span<T const> in) {
    std::array<T, 8> most{};
    std::size_t i = 0;
    for (; i + most.size() <= in.size(); i += most.size())
      for (std::size_t k = 0; k < most.size(); ++k) most[k] = std::max(most[k], std::abs(in[i + k]));
    for (; i < in.size(); ++i) most[0] = std::max(most[0], std::abs(in[i]));
    return *std::ranges::max_element(most);
  }

  static constexpr std::size_t zero = S == Sign::Either ? 127 : 0;

  /// -1 is no level, so that a block's largest negative number keeps 0.993 of its magnitude.
  static std::uint8_t code(float ratio) {
    auto const place = Map::place(std::abs(ratio));
    if constexpr (S == Sign::None) return static_cast<std::uint8_t>(place);
    return static_cast<std::uint8_t>(ratio < 0 ? zero - std::min(place, zero) : zero + place);
  }

  static constexpr std::array<float, 256> make_values() {
    std::array<float, 256> all{};
    for (std::size_t k = 0; k < Map::count; ++k) {
      if (k <= zero) all[zero - k] = -Map::level(k);
      all[zero + k] = Map::level(k);
    }
    return all;
  }
  static constexpr std::array<float, 256> values = make_values();
};

}  // namespace grove
