// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace grove::math::detail {

/// Sixteen characters, compared at once; results are 0xFF or 0 in each.
using Bytes = std::uint8_t __attribute__((vector_size(16)));

inline Bytes load(std::string_view text, std::size_t at) {
  Bytes bytes;
  std::memcpy(&bytes, text.data() + at, sizeof bytes);
  return bytes;
}
inline Bytes equal(Bytes bytes, char c) { return reinterpret_cast<Bytes>(bytes == static_cast<std::uint8_t>(c)); }
inline Bytes between(Bytes bytes, char first, char last) {
  Bytes const from = bytes - static_cast<std::uint8_t>(first);
  return reinterpret_cast<Bytes>(from <= static_cast<std::uint8_t>(last - first));
}
inline bool any(Bytes bytes) {
  std::uint64_t words[2];
  std::memcpy(words, &bytes, sizeof words);
  return (words[0] | words[1]) != 0;
}

/// Where the block of sixteen characters begins, from `from` on, that answers(load(.., its begin)) has a hit in; if
/// there is none, where the rest shorter than `margin` characters more than a block begins.
template <class Hits>
std::size_t skip_blocks(std::string_view text, std::size_t from, std::size_t margin, Hits hits) {
  while (from + sizeof(Bytes) + margin <= text.size() && !any(hits(from))) from += sizeof(Bytes);
  return from;
}

}  // namespace grove::math::detail
