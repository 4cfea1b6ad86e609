// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace grove::metrics {
namespace detail {

constexpr std::array<std::uint32_t, 256> crc32c_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1u) != 0 ? 0x82f63b78u : 0u);
    table[i] = value;
  }
  return table;
}

inline constexpr std::array<std::uint32_t, 256> crc32c_of_byte = crc32c_table();

}  // namespace detail

/// CRC-32C (Castagnoli), as in RFC 3720.
constexpr std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffu;
  for (char const c : bytes) crc = (crc >> 8) ^ detail::crc32c_of_byte[(crc ^ static_cast<unsigned char>(c)) & 0xffu];
  return ~crc;
}

/// The masked form that TFRecord files store.
constexpr std::uint32_t masked_crc32c(std::string_view bytes) {
  std::uint32_t const crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

}  // namespace grove::metrics
