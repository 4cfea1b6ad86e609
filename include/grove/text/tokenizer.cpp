// SPDX-License-Identifier: Apache-2.0
#include "grove/text/tokenizer.hpp"

#include <utility>

#include "grove/error.hpp"
#include "grove/text/json_reader.hpp"
#include "grove/text/tokenizer_model.hpp"
#include "grove/text/unicode.hpp"

namespace grove::text {
namespace {

using detail::TokenizerModel;

constexpr std::size_t max_text_size = 0x7FFFFFFF;

/// One text on its way through the steps of the file.
class Encoder {
 public:
  Encoder(TokenizerModel const& model, std::vector<TokenId>& out)
      : model_(model), classes_(detail::char_classes()), out_(out) {}

  void encode(std::string_view text) {
    model_.verbatim.split(
        text, [&](std::string_view piece) { normalize(piece); }, [&](TokenId id) { out_.push_back(id); });
  }

 private:
  void normalize(std::string_view piece) {
    if (!model_.nfc || is_surely_nfc(piece)) return find_normalized(piece);
    std::string const normalized = nfc(piece);
    find_normalized(normalized);
  }

  void find_normalized(std::string_view piece) {
    text_end_ = piece.data() + piece.size();
    model_.normalized.split(
        piece, [&](std::string_view rest) { cut(rest, 0); }, [&](TokenId id) { out_.push_back(id); });
  }

  void cut(std::string_view piece, std::size_t step) {
    if (step == model_.patterns.size()) return word(piece);
    bool const last = step + 1 == model_.patterns.size();
    detail::split_words(model_.patterns[step], piece, classes_, [&](char const* begin, char const* end) {
      std::string_view const part(begin, static_cast<std::size_t>(end - begin));
      if (last) {
        word(part);
      } else {
        cut(part, step + 1);
      }
    });
  }

  void word(std::string_view bytes) { model_.bpe.encode_word(bytes, text_end_, out_); }

  TokenizerModel const& model_;
  std::uint8_t const* classes_;
  std::vector<TokenId>& out_;
  char const* text_end_ = nullptr;
};

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<TokenizerModel const> model) : model_(std::move(model)) {}

Tokenizer Tokenizer::load(std::filesystem::path const& path) {
  std::filesystem::path const file = std::filesystem::is_directory(path) ? path / "tokenizer.json" : path;
  detail::TokenizerSpec spec = detail::read_tokenizer_json(detail::read_text_file(file), file.string());
  std::filesystem::path const beside = file.parent_path() / "tokenizer_config.json";
  detail::TokenizerConfig config;
  if (std::filesystem::exists(beside)) {
    config = detail::read_tokenizer_config(detail::read_text_file(beside), beside.string());
  }
  return Tokenizer(
      std::make_shared<TokenizerModel const>(detail::build_tokenizer_model(std::move(spec), std::move(config))));
}

Tokenizer Tokenizer::from_json(std::string_view tokenizer_json, std::string_view tokenizer_config) {
  return Tokenizer(std::make_shared<TokenizerModel const>(
      detail::build_tokenizer_model(detail::read_tokenizer_json(tokenizer_json, "tokenizer.json"),
                                    detail::read_tokenizer_config(tokenizer_config, "tokenizer_config.json"))));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (text.size() > max_text_size) {
    throw Error("encode", "the text has " + std::to_string(text.size()) + " bytes", "less than 2 GiB");
  }
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = replace_invalid_utf8(text);
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 16);
  if (options.add_special_tokens) ids.insert(ids.end(), model_->before.begin(), model_->before.end());
  Encoder(*model_, ids).encode(text);
  if (options.add_special_tokens) ids.insert(ids.end(), model_->after.begin(), model_->after.end());
  return ids;
}

std::string Tokenizer::decode(std::span<TokenId const> ids, DecodeOptions options) const {
  std::string text;
  for (TokenId const id : ids) {
    TokenizerModel::Token const& token = model_->at(id);
    if (!(options.skip_special_tokens && token.special)) text += token.bytes;
  }
  return is_valid_utf8(text) ? text : replace_invalid_utf8(text);
}

std::size_t Tokenizer::vocab_size() const { return model_->tokens.size(); }
std::optional<TokenId> Tokenizer::id(std::string_view token) const { return model_->find(token); }
std::string_view Tokenizer::token(TokenId id) const { return model_->at(id).text; }
bool Tokenizer::is_special(TokenId id) const { return model_->at(id).special; }
std::string const& Tokenizer::bytes(TokenId id) const { return model_->at(id).bytes; }

std::optional<TokenId> Tokenizer::bos() const { return model_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return model_->eos; }
std::optional<TokenId> Tokenizer::pad() const { return model_->pad; }
std::string_view Tokenizer::bos_token() const { return bos() ? token(*bos()) : std::string_view(); }
std::string_view Tokenizer::eos_token() const { return eos() ? token(*eos()) : std::string_view(); }
std::string_view Tokenizer::pad_token() const { return pad() ? token(*pad()) : std::string_view(); }

StreamDecoder::StreamDecoder(Tokenizer tokenizer, DecodeOptions options)
    : tokenizer_(std::move(tokenizer)), options_(options) {}

std::string StreamDecoder::push(TokenId id) {
  std::string const& part = tokenizer_.bytes(id);
  if (options_.skip_special_tokens && tokenizer_.is_special(id)) return {};
  std::string text = std::exchange(pending_, {}) + part;
  std::size_t const tail = incomplete_utf8_tail(text);
  pending_ = text.substr(text.size() - tail);
  text.resize(text.size() - tail);
  return is_valid_utf8(text) ? text : replace_invalid_utf8(text);
}

std::string StreamDecoder::finish() { return replace_invalid_utf8(std::exchange(pending_, {})); }

}  // namespace grove::text
