// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grove/text/added_tokens.hpp"
#include "grove/text/bpe.hpp"
#include "grove/text/split_pattern.hpp"
#include "grove/text/tokenizer_spec.hpp"
#include "grove/token_id.hpp"

namespace grove::text::detail {

/// The tables of a loaded tokenizer. Immutable once built.
struct TokenizerModel {
  struct Token {
    std::string text;   ///< as the file spells it
    std::string bytes;  ///< as it decodes
    bool exists = false;
    bool special = false;
  };

  /// Throws Error if the id is no token.
  Token const& at(TokenId id) const;
  std::optional<TokenId> find(std::string_view text) const;

  std::vector<Token> tokens;                        ///< by id
  std::unordered_map<std::string, TokenId> others;  ///< by text: tokens that `bpe` does not know
  Bpe bpe;
  AddedTokenFinder verbatim;    ///< added tokens looked for before normalisation
  AddedTokenFinder normalized;  ///< and after it
  std::vector<SplitPattern> patterns;
  bool nfc;
  std::vector<TokenId> before, after;  ///< special tokens around a text
  std::optional<TokenId> bos, eos, pad;
};

/// Builds the tables. Throws Error naming the file and the key where the parts do not fit together.
TokenizerModel build_tokenizer_model(TokenizerSpec spec, TokenizerConfig config);

}  // namespace grove::text::detail
