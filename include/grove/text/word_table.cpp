// SPDX-License-Identifier: Apache-2.0
#include "grove/text/word_table.hpp"

#include <bit>

namespace grove::text::detail {
namespace {

/// A power of two with a quarter of the slots free, so that probing stays short and always ends.
std::size_t slots_for(std::size_t count) { return std::bit_ceil(count + count / 3 + 2); }

}  // namespace

WordTable::WordTable(std::size_t short_count, std::size_t long_count)
    : short_(slots_for(short_count)),
      long_(slots_for(long_count)),
      short_mask_(short_.size() - 1),
      long_mask_(long_.size() - 1) {}

bool WordTable::insert(std::string_view word, TokenId id) {
  if (word.size() <= short_size) {
    Key const key = load_key(word, word.data() + word.size());
    std::size_t i = short_hash(key) & short_mask_;
    for (; short_[i].entry.id >= 0; i = (i + 1) & short_mask_) {
      if (short_[i].key.low == key.low && short_[i].key.high == key.high) return false;
    }
    short_[i] = {key, {id, false}};
    return true;
  }
  std::uint64_t const hash = long_hash(word);
  std::size_t i = hash & long_mask_;
  for (; long_[i].entry.id >= 0; i = (i + 1) & long_mask_) {
    if (view(long_[i]) == word) return false;
  }
  long_[i] = {
      arena_.size(), static_cast<std::uint32_t>(word.size()), static_cast<std::uint32_t>(hash >> 32), {id, false}};
  arena_ += word;
  return true;
}

WordTable::Entry const* WordTable::find_long(std::string_view word) const {
  std::uint64_t const hash = long_hash(word);
  for (std::size_t i = hash & long_mask_;; i = (i + 1) & long_mask_) {
    Long const& slot = long_[i];
    if (slot.entry.id < 0) return nullptr;
    if (slot.tag == static_cast<std::uint32_t>(hash >> 32) && view(slot) == word) return &slot.entry;
  }
}

std::uint64_t WordTable::long_hash(std::string_view word) {
  std::uint64_t hash = word.size();
  char const* p = word.data();
  std::size_t left = word.size();
  for (; left > 8; left -= 8, p += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, p, 8);
    hash = mix(hash ^ bytes, 0x9E3779B97F4A7C15);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, p, left);
  return mix(hash ^ rest, 0xE7037ED1A0B428DB);
}

}  // namespace grove::text::detail
