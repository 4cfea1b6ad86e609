// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace grove::io {

/// The value of a bfloat16 bit pattern; exact.
constexpr float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// Rounds to the nearest bfloat16, ties to even, as torch does. Overflow gives infinity; a NaN stays a NaN (quiet, same
/// sign and leading payload), which plain rounding could turn into an infinity.
constexpr std::uint16_t f32_to_bf16(float value) {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t const rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  std::uint32_t const quiet = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

/// The value of an IEEE half bit pattern, subnormals, infinities and NaNs included; exact.
constexpr float f16_to_f32(std::uint16_t bits) {
  std::uint32_t const sign = (bits & 0x8000u) << 16;
  std::uint32_t const magnitude = (bits & 0x7fffu) << 13;
  constexpr std::uint32_t one = 1u << 23;  // one step of the exponent
  constexpr std::uint32_t rebias = (127u - 15u) * one;
  if (magnitude >= 31u * one) return std::bit_cast<float>(sign | (magnitude + 2 * rebias));
  if (magnitude >= one) return std::bit_cast<float>(sign | (magnitude + rebias));
  // A subnormal half is a normal float: give it an implicit one, then take that one away again, which is exact.
  float const scaled = std::bit_cast<float>(magnitude + rebias + one) - std::bit_cast<float>(rebias + one);
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(scaled));
}

}  // namespace grove::io
