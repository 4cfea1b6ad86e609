// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "grove/text/word_table.hpp"
#include "grove/token_id.hpp"

namespace grove::text::detail {

/// Byte-level BPE of one word: the pair with the lowest rank is merged first, of equal pairs the leftmost.
/// Immutable after construction, so any number of threads may encode.
class Bpe {
 public:
  /// Two neighbours that become one. Its place in the list is its rank; of a pair listed twice the last one counts.
  struct Merge {
    TokenId left;
    TokenId right;
    TokenId result;
  };
  struct Options {
    bool ignore_merges = false;  ///< a word of the vocabulary is that token, whatever the merges say
    TokenId unknown = -1;        ///< for a byte without a token; -1: that is an error
    bool fuse_unknown = false;   ///< neighbouring unknown bytes become one token
  };

  Bpe(WordTable words, std::vector<Merge> const& merges, Options options);

  /// Appends the tokens of one word, which is not empty. `text_end` is the end of the buffer the word stands in.
  /// Throws Error if a byte has no token and there is no unknown one.
  void encode_word(std::string_view word, char const* text_end, std::vector<TokenId>& out) const {
    WordTable::Entry const* const entry = words_.find(word, text_end);
    if (entry != nullptr && entry->whole) {
      out.push_back(entry->id);
    } else {
      merge_word(word, out);
    }
  }

  WordTable const& words() const { return words_; }

 private:
  /// A merge as one number, rank above result: the least is the one to do.
  using Candidate = std::uint64_t;
  static constexpr Candidate none = ~Candidate{0};
  static constexpr std::size_t short_word = 48;

  struct Pair {
    std::uint64_t key = ~std::uint64_t{0};
    Candidate candidate = none;
  };

  Candidate candidate(TokenId left, TokenId right) const {
    std::uint64_t const key = pair_key(left, right);
    for (std::size_t i = pair_hash(key);; i = (i + 1) & pair_mask_) {
      if (pairs_[i].key == key || pairs_[i].candidate == none) return pairs_[i].candidate;
    }
  }
  static std::uint64_t pair_key(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t pair_hash(std::uint64_t key) const { return key * 0x9E3779B97F4A7C15 >> pair_shift_; }
  static TokenId result(Candidate c) { return static_cast<TokenId>(c & 0xFFFFFFFF); }

  void insert_pairs(std::vector<Merge> const& merges);
  void index_bytes();
  void find_whole_words();
  std::size_t byte_tokens(std::string_view word, TokenId* symbols) const;
  void merge_word(std::string_view word, std::vector<TokenId>& out) const;
  void merge_short(std::string_view word, std::vector<TokenId>& out) const;
  void merge_long(std::vector<TokenId> const& symbols, std::vector<TokenId>& out) const;

  WordTable words_;
  std::vector<Pair> pairs_;
  std::size_t pair_mask_ = 0;
  int pair_shift_ = 0;
  std::array<TokenId, 256> bytes_{};
  std::vector<Candidate> byte_pairs_;  ///< 256 x 256, the first look-ups of every word; empty if a byte has no token
  Options options_;
};

}  // namespace grove::text::detail
