// SPDX-License-Identifier: Apache-2.0
#include "grove/text/tokenizer_model.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "grove/error.hpp"
#include "grove/text/unicode.hpp"

namespace grove::text::detail {
namespace {

using Token = TokenizerModel::Token;
using Others = std::unordered_map<std::string, TokenId>;

/// GPT-2's spelling of bytes: visible Latin-1 characters stand for themselves, the other bytes for U+0100 and on.
constexpr std::array<std::int16_t, 0x144> make_alphabet() {
  std::array<std::int16_t, 0x144> bytes{};
  bytes.fill(-1);
  std::size_t next = 0x100;
  for (std::int16_t byte = 0; byte < 256; ++byte) {
    bool const visible = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    bytes[visible ? static_cast<std::size_t>(byte) : next++] = byte;
  }
  return bytes;
}

/// Replaces `bytes` by what the text spells; false if it has a character that spells no byte.
bool spell(std::string_view text, std::string& bytes) {
  static constexpr auto alphabet = make_alphabet();
  bytes.clear();
  for (char const *p = text.data(), *end = p + text.size(); p < end;) {
    auto const [value, size] = decode_valid(p);
    if (value >= alphabet.size() || alphabet[value] < 0) return false;
    bytes.push_back(static_cast<char>(alphabet[value]));
    p += size;
  }
  return true;
}

std::string shown(std::string_view token) {
  return '"' + (token.size() <= 60 ? std::string(token) : replace_invalid_utf8(token.substr(0, 60)) + "...") + '"';
}

std::optional<TokenId> find_text(WordTable const& words, Others const& others, std::string_view text) {
  std::string bytes;
  if (spell(text, bytes)) {
    if (WordTable::Entry const* const entry = words.find(bytes)) return entry->id;
  }
  if (others.empty()) return std::nullopt;
  auto const found = others.find(std::string(text));
  return found == others.end() ? std::nullopt : std::optional(found->second);
}

/// Turns what the files say into tables, checking that it fits together.
class ModelBuilder {
 public:
  ModelBuilder(TokenizerSpec spec, TokenizerConfig config)
      : spec_(std::move(spec)), config_(std::move(config)), words_(index_vocabulary()) {}

  TokenizerModel build() {
    std::vector<Bpe::Merge> const merges = resolve_merges();
    Bpe::Options const options = bpe_options();
    check_added_tokens();
    apply_config();
    std::vector<AddedToken> verbatim, normalized;
    for (AddedToken& token : spec_.added_tokens) place_added_token(std::move(token), verbatim, normalized);
    auto const bos = named("bos_token", config_.bos_token);
    auto const eos = named("eos_token", config_.eos_token);
    auto const pad = named("pad_token", config_.pad_token);
    surround(bos, eos);
    return {std::move(tokens_),
            std::move(others_),
            Bpe(std::move(words_), merges, options),
            AddedTokenFinder(std::move(verbatim)),
            AddedTokenFinder(std::move(normalized)),
            std::move(spec_.patterns),
            spec_.nfc,
            std::move(spec_.before),
            std::move(spec_.after),
            bos,
            eos,
            pad};
  }

 private:
  std::optional<TokenId> find(std::string_view text) const { return find_text(words_, others_, text); }
  bool exists(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < tokens_.size() && tokens_[static_cast<std::size_t>(id)].exists;
  }

  [[noreturn]] void fail(char const* key, std::string const& what, std::string const& expected) const {
    throw Error(spec_.file + ": " + key, what, expected);
  }

  Token& new_token(TokenId id, std::string_view text) {
    auto const index = static_cast<std::size_t>(id);
    if (index >= tokens_.size()) tokens_.resize(index + 1);
    Token& token = tokens_[index];
    if (token.exists) {
      fail("model.vocab", "id " + std::to_string(id) + " is both " + shown(token.text) + " and " + shown(text),
           "one token an id");
    }
    token.exists = true;
    return token;
  }

  /// Files the vocabulary under its ids and returns the table of those tokens that spell bytes.
  WordTable index_vocabulary() {
    vocabulary_size_ = static_cast<TokenId>(spec_.vocabulary.size());
    std::size_t long_words = 0;
    for (auto& [text, id] : spec_.vocabulary) {
      Token& token = new_token(id, text);
      if (!spell(text, token.bytes) || text.empty()) {
        token.bytes = text;
        if (!others_.emplace(text, id).second) fail_listed_twice(text);
      } else if (token.bytes.size() > WordTable::short_size) {
        ++long_words;
      }
      token.text = std::move(text);
    }
    WordTable words(spec_.vocabulary.size() - long_words - others_.size(), long_words);
    for (auto const& [unused, id] : spec_.vocabulary) {
      Token const& token = tokens_[static_cast<std::size_t>(id)];
      if (!others_.empty() && others_.contains(token.text)) continue;
      if (!words.insert(token.bytes, id)) fail_listed_twice(token.text);
    }
    return words;
  }

  [[noreturn]] void fail_listed_twice(std::string_view text) const {
    fail("model.vocab", shown(text) + " is listed twice", "one id a token");
  }

  std::vector<Bpe::Merge> resolve_merges() const {
    std::vector<Bpe::Merge> merges;
    merges.reserve(spec_.merges.size());
    std::string joined;
    TokenId next = 0;  // vocabularies list what the merges make in their order: a guess that saves a third of the time
    for (auto const& [left, right] : spec_.merges) {
      joined.assign(left).append(right);
      bool const guessed = exists(next) && tokens_[static_cast<std::size_t>(next)].text == joined;
      TokenId const result = guessed ? next : merge_token(joined, merges.size());
      merges.push_back({merge_token(left, merges.size()), merge_token(right, merges.size()), result});
      next = result + 1;
    }
    return merges;
  }

  TokenId merge_token(std::string_view text, std::size_t index) const {
    std::optional<TokenId> const id = find(text);
    if (!id) fail("model.merges", "entry " + std::to_string(index) + " needs " + shown(text), "a token of model.vocab");
    return *id;
  }

  Bpe::Options bpe_options() const {
    bool all_bytes = true;
    for (int byte = 0; byte < 256; ++byte) {
      char const c = static_cast<char>(byte);
      all_bytes = all_bytes && words_.find({&c, 1}) != nullptr;
    }
    Bpe::Options options{.ignore_merges = spec_.ignore_merges, .unknown = -1, .fuse_unknown = spec_.fuse_unk};
    if (all_bytes) return options;  // nothing is unknown
    if (spec_.byte_fallback) {
      fail("model.byte_fallback", "is not supported in a vocabulary without all 256 bytes", "false");
    }
    if (!spec_.unk_token) return options;
    std::optional<TokenId> const unknown = find(*spec_.unk_token);
    if (!unknown)
      fail("model.unk_token", shown(*spec_.unk_token) + " is not in the vocabulary", "a token of model.vocab");
    options.unknown = *unknown;
    return options;
  }

  /// `tokenizers` numbers added tokens itself: the vocabulary's id, else on from the vocabulary's size in the order of
  /// the file. A file that says otherwise would get other ids there than here.
  void check_added_tokens() {
    TokenId next = vocabulary_size_;
    Others seen;
    std::erase_if(spec_.added_tokens, [](AddedToken const& token) { return token.content.empty(); });
    for (AddedToken const& token : spec_.added_tokens) {
      std::optional<TokenId> id = find(token.content);
      if (!id) {
        auto const [entry, added] = seen.emplace(token.content, next);
        if (added) ++next;
        id = entry->second;
      }
      if (*id != token.id) {
        fail("added_tokens", shown(token.content) + " has id " + std::to_string(token.id), "id " + std::to_string(*id));
      }
    }
  }

  AddedToken* find_added(std::string_view content) {
    auto const found = std::find_if(spec_.added_tokens.begin(), spec_.added_tokens.end(),
                                    [&](AddedToken const& token) { return token.content == content; });
    return found == spec_.added_tokens.end() ? nullptr : &*found;
  }

  /// As transformers does: flags in tokenizer_config.json win, and what it names as special is special.
  void apply_config() {
    for (AddedToken const& token : config_.added_tokens) {
      AddedToken* const known = find_added(token.content);
      std::optional<TokenId> const id = known != nullptr ? std::optional(known->id) : find(token.content);
      if (id != token.id) {
        throw Error(
            config_.file + ": added_tokens_decoder." + std::to_string(token.id),
            shown(token.content) + (id ? " has id " + std::to_string(*id) + " in" : " is not in") + " tokenizer.json",
            "the same tokens in both files");
      }
      if (known != nullptr) {
        *known = token;
      } else {
        spec_.added_tokens.push_back(token);
      }
    }
    for (auto const* token : {&config_.bos_token, &config_.eos_token, &config_.pad_token}) {
      if (*token) make_special(**token);
    }
    for (std::string const& token : config_.special_tokens) make_special(token);
  }

  void make_special(std::string const& content) {
    if (AddedToken* const known = find_added(content)) {
      known->special = true;
    } else if (std::optional<TokenId> const id = find(content)) {
      spec_.added_tokens.push_back({.id = *id, .content = content, .normalized = false, .special = true});
    }
  }

  void place_added_token(AddedToken added, std::vector<AddedToken>& verbatim, std::vector<AddedToken>& normalized) {
    if (!exists(added.id)) {
      others_.emplace(added.content, added.id);
      new_token(added.id, added.content).text = added.content;
    }
    Token& token = tokens_[static_cast<std::size_t>(added.id)];
    token.special = added.special;
    if (added.normalized && spec_.nfc) added.content = nfc(added.content);
    // The decoder reads added tokens as byte spellings too, where they can be.
    if (!spell(added.content, token.bytes)) token.bytes = added.content;
    (added.normalized ? normalized : verbatim).push_back(std::move(added));
  }

  std::optional<TokenId> named(char const* key, std::optional<std::string> const& content) const {
    if (!content) return std::nullopt;
    std::optional<TokenId> const id = find(*content);
    if (!id) {
      throw Error(config_.file + ": " + key, shown(*content) + " is not in tokenizer.json",
                  "a token of the vocabulary or of added_tokens");
    }
    return id;
  }

  void surround(std::optional<TokenId> bos, std::optional<TokenId> eos) {
    if (!spec_.has_template) {
      if (config_.add_bos_token && bos) spec_.before = {*bos};
      if (config_.add_eos_token && eos) spec_.after = {*eos};
    }
    for (auto const* ids : {&spec_.before, &spec_.after}) {
      for (TokenId const id : *ids) {
        if (!exists(id)) fail("post_processor", "uses id " + std::to_string(id), "the id of a token");
      }
    }
  }

  TokenizerSpec spec_;
  TokenizerConfig config_;
  std::vector<Token> tokens_;
  Others others_;
  TokenId vocabulary_size_ = 0;
  WordTable words_;
};

}  // namespace

Token const& TokenizerModel::at(TokenId id) const {
  auto const index = static_cast<std::size_t>(id);
  if (id < 0 || index >= tokens.size() || !tokens[index].exists) {
    throw Error("tokenizer", "no token has id " + std::to_string(id), "an id below " + std::to_string(tokens.size()));
  }
  return tokens[index];
}

std::optional<TokenId> TokenizerModel::find(std::string_view text) const {
  if (!is_valid_utf8(text)) return std::nullopt;
  return find_text(bpe.words(), others, text);
}

TokenizerModel build_tokenizer_model(TokenizerSpec spec, TokenizerConfig config) {
  return ModelBuilder(std::move(spec), std::move(config)).build();
}

}  // namespace grove::text::detail
