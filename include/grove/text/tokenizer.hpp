// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grove/token_id.hpp"

namespace grove::text {

namespace detail {
struct TokenizerModel;
}

struct EncodeOptions {
  bool add_special_tokens = false;  ///< what the post-processor (or, without one, `add_bos_token`) puts around the text
};

struct DecodeOptions {
  bool skip_special_tokens = false;
};

/// Byte-level BPE as `tokenizer.json` describes it, with the ids of Hugging Face's `tokenizers`.
///
/// Immutable, and copies share their tables: pass it by value, use it from any number of threads.
/// What a file asks for and this class does not do exactly is an Error when it is loaded.
class Tokenizer {
 public:
  /// `path` is a folder with `tokenizer.json`, or such a file; `tokenizer_config.json` beside it is read if there is
  /// one. `truncation` and `padding` are left to the caller, as in transformers. Special tokens named in the
  /// configuration are found in text even if `tokenizer.json` does not list them as added tokens.
  /// Throws Error naming the file, the key and what was expected.
  static Tokenizer load(std::filesystem::path const& path);

  /// The same from the texts of the two files.
  static Tokenizer from_json(std::string_view tokenizer_json, std::string_view tokenizer_config = "{}");

  /// The ids of a text. Every ill-formed part of its UTF-8 counts as U+FFFD, as if Python had read the text with
  /// `errors="replace"`. Throws Error for a byte that the vocabulary lacks.
  std::vector<TokenId> encode(std::string_view text, EncodeOptions options = {}) const;

  /// The text of ids; bytes that are not UTF-8 become U+FFFD. Throws Error for an id that is no token.
  std::string decode(std::span<TokenId const> ids, DecodeOptions options = {}) const;

  std::size_t vocab_size() const;  ///< highest id + 1, added tokens included

  /// By the spelling in the file, where a byte-level token writes a space as "Ġ".
  std::optional<TokenId> id(std::string_view token) const;
  /// The spelling of a token in the file. This and the next two throw Error for an id that is no token.
  std::string_view token(TokenId id) const;
  bool is_special(TokenId id) const;
  /// What a token adds to a decoded text before broken UTF-8 is replaced.
  std::string const& bytes(TokenId id) const;

  /// From tokenizer_config.json; the text is empty where there is none.
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  std::optional<TokenId> pad() const;
  std::string_view bos_token() const;
  std::string_view eos_token() const;
  std::string_view pad_token() const;

 private:
  explicit Tokenizer(std::shared_ptr<detail::TokenizerModel const> model);

  std::shared_ptr<detail::TokenizerModel const> model_;
};

/// Decodes token by token: what it has given out so far is always whole characters, and all of it together is
/// `decode` of all tokens.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, DecodeOptions options = {});

  /// The characters that this token completes. Throws Error for an id that is no token.
  std::string push(TokenId id);
  /// What is left at the end: nothing, or U+FFFD for a character that was cut off. Then starts anew.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  DecodeOptions options_;
  std::string pending_;  ///< the beginning of a character, at most 3 bytes
};

}  // namespace grove::text
