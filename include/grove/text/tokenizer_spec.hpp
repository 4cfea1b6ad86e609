// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/text/added_tokens.hpp"
#include "grove/text/split_pattern.hpp"
#include "grove/token_id.hpp"

/// What a tokenizer's files say, read and checked but not yet built into tables.
namespace grove::text::detail {

struct TokenizerSpec {
  std::string file;
  std::vector<std::pair<std::string, TokenId>> vocabulary;  ///< in the file's spelling, each byte one character
  std::vector<std::pair<std::string, std::string>> merges;  ///< by rank
  std::optional<std::string> unk_token;
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  std::vector<AddedToken> added_tokens;
  bool nfc = false;
  std::vector<SplitPattern> patterns;  ///< one after the other, each on the words of the one before
  bool has_template = false;           ///< the post-processor decides about special tokens
  std::vector<TokenId> before, after;  ///< special tokens around a sequence
};

/// The part of tokenizer_config.json that changes ids.
struct TokenizerConfig {
  std::string file;
  std::optional<std::string> bos_token, eos_token, pad_token;
  bool add_bos_token = false;
  bool add_eos_token = false;
  std::vector<AddedToken> added_tokens;     ///< `added_tokens_decoder`
  std::vector<std::string> special_tokens;  ///< further tokens that are to be special
};

/// Reads the text of a tokenizer.json; `name` is the file in errors. Throws Error naming the key and what was
/// expected, also for whatever is not known to be done exactly.
TokenizerSpec read_tokenizer_json(std::string_view text, std::string const& name);

/// The same for a tokenizer_config.json.
TokenizerConfig read_tokenizer_config(std::string_view text, std::string const& name);

}  // namespace grove::text::detail
