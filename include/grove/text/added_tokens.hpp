// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/token_id.hpp"

namespace grove::text {

/// A token found in the text before any splitting into words, with the flags of tokenizer.json.
struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool single_word = false;  ///< not found inside or at the border of a word
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space after it along
  bool normalized = true;    ///< looked for in the normalised text
  bool special = false;      ///< left out by `skip_special_tokens`
};

namespace detail {

/// Finds added tokens from left to right, at each place the longest; a trie, so the time is at most the length of
/// the text times that of the longest token.
class AddedTokenFinder {
 public:
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  /// Calls `text(piece)` and `token(id)` in order for all of `sentence`, which is well-formed UTF-8.
  template <typename Text, typename Token>
  void split(std::string_view sentence, Text&& text, Token&& token) const {
    std::size_t done = 0;
    for (std::size_t from = 0;;) {
      Match const match = find(sentence, from);
      if (match.token == nullptr) break;
      from = match.end;
      if (match.token->single_word && !stands_alone(sentence, match)) continue;
      auto const [begin, end] = widen(sentence, match, done);
      if (done < begin) text(sentence.substr(done, begin - done));
      token(match.token->id);
      done = end;
    }
    if (done < sentence.size()) text(sentence.substr(done));
  }

 private:
  struct Match {
    AddedToken const* token;  ///< null: none
    std::size_t begin, end;
  };
  struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;  ///< by byte
    std::int32_t token = -1;
  };

  Match find(std::string_view sentence, std::size_t from) const;
  std::size_t next_candidate(std::string_view sentence, std::size_t from) const;
  static bool stands_alone(std::string_view sentence, Match const& match);
  static std::pair<std::size_t, std::size_t> widen(std::string_view sentence, Match const& match, std::size_t done);

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<bool, 256> first_{};  ///< bytes that a token begins with
  int only_first_ = -1;            ///< the byte all tokens begin with, if it is one
};

}  // namespace detail
}  // namespace grove::text
