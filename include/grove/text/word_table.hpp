// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "grove/token_id.hpp"

namespace grove::text::detail {

/// From the bytes of a word to its token: an open-addressing table that compares words of up to 15 bytes, which is
/// nearly all of them, as two integers kept in the slot itself.
class WordTable {
 public:
  struct Entry {
    TokenId id = -1;
    bool whole = false;  ///< set by the owner: the merges turn these bytes into this one token
  };

  static constexpr std::size_t short_size = 15;

  /// Room for so many words of at most, and of more than, `short_size` bytes; no more may be inserted.
  WordTable(std::size_t short_count, std::size_t long_count);

  /// False, and nothing changes, if the word is already there.
  bool insert(std::string_view word, TokenId id);

  /// `text_end` is the end of the buffer the word stands in: how far may be read at once.
  Entry const* find(std::string_view word, char const* text_end) const {
    if (word.size() > short_size) return find_long(word);
    Key const key = load_key(word, text_end);
    for (std::size_t i = short_hash(key) & short_mask_;; i = (i + 1) & short_mask_) {
      Short const& slot = short_[i];
      if (slot.key.low == key.low && slot.key.high == key.high) return &slot.entry;
      if (slot.entry.id < 0) return nullptr;
    }
  }
  Entry const* find(std::string_view word) const { return find(word, word.data() + word.size()); }

  /// Calls `visit(word, entry)` with each word and its entry, which may be changed.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (Short& slot : short_) {
      if (slot.entry.id >= 0) visit(slot.key.view(), slot.entry);
    }
    for (Long& slot : long_) {
      if (slot.entry.id >= 0) visit(view(slot), slot.entry);
    }
  }

 private:
  /// The bytes, zeros, and the length in the last byte: equal keys are equal words. Little-endian loads.
  struct Key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::string_view view() const { return {reinterpret_cast<char const*>(this), high >> 56}; }
  };
  struct Short {
    Key key{~std::uint64_t{0}, ~std::uint64_t{0}};  ///< until taken: no word's
    Entry entry;
  };
  struct Long {
    std::size_t offset = 0;  ///< in the arena
    std::uint32_t size = 0;
    std::uint32_t tag = 0;  ///< upper half of the hash
    Entry entry;
  };

  static Key load_key(std::string_view word, char const* text_end) {
    Key key;
    std::size_t const size = word.size();
    if (text_end - word.data() >= 16) {
      std::memcpy(&key, word.data(), 16);
      if (size < 8) {
        key.low &= (std::uint64_t{1} << (8 * size)) - 1;
        key.high = 0;
      } else {
        key.high &= (std::uint64_t{1} << (8 * (size - 8))) - 1;
      }
    } else {
      std::memcpy(&key, word.data(), size);
    }
    key.high |= std::uint64_t{size} << 56;
    return key;
  }

  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    Wide const product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t short_hash(Key const& key) {
    return mix(key.low ^ 0xA0761D6478BD642F, key.high ^ 0xE7037ED1A0B428DB);
  }
  static std::uint64_t long_hash(std::string_view word);

  std::string_view view(Long const& slot) const { return std::string_view(arena_).substr(slot.offset, slot.size); }
  Entry const* find_long(std::string_view word) const;

  std::vector<Short> short_;
  std::vector<Long> long_;
  std::string arena_;  ///< bytes of the long words
  std::size_t short_mask_;
  std::size_t long_mask_;
};

}  // namespace grove::text::detail
