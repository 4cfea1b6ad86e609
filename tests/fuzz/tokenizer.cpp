// SPDX-License-Identifier: Apache-2.0
// Bytes that begin with '{' as a tokenizer.json: an Error, or a tokenizer that encodes. Any others as text for three
// tokenizers: decoding gives the text back, at once and token by token.
#include "grove/text/tokenizer.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "grove/error.hpp"
#include "grove/text/unicode.hpp"

namespace {

using grove::text::Tokenizer;
using nlohmann::json;

/// All bytes, two merges and an added token, with the given way to cut words.
std::string small_tokenizer(json const& pre_tokenizer) {
  json vocabulary;
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    bool const visible = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    std::string spelled;
    grove::text::append_utf8(spelled, static_cast<char32_t>(visible ? byte : next++));
    vocabulary[spelled] = byte;
  }
  vocabulary["ab"] = 256;
  vocabulary["abab"] = 257;
  json const added{{"id", 258}, {"content", "<|x|>"}, {"normalized", false}};
  return json{{"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", {"a b", "ab ab"}}}},
              {"normalizer", {{"type", "NFC"}}},
              {"pre_tokenizer", pre_tokenizer},
              {"decoder", {{"type", "ByteLevel"}}},
              {"added_tokens", json::array({added})}}
      .dump();
}

json split(std::string const& digits) {
  std::string const regex = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + digits +
                            "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

void check_text(Tokenizer const& tokenizer, std::string_view text) {
  // NFC works on the pieces between added tokens: only those can differ from NFC of the whole.
  std::string const readable = grove::text::replace_invalid_utf8(text);
  auto const ids = tokenizer.encode(text);
  std::string const decoded = tokenizer.decode(ids);
  if (readable.find("<|x|>") == std::string::npos && decoded != grove::text::nfc(readable)) std::abort();
  grove::text::StreamDecoder stream(tokenizer);
  std::string streamed;
  for (auto const id : ids) {
    std::string const part = stream.push(id);
    if (!grove::text::is_valid_utf8(part)) std::abort();
    streamed += part;
  }
  if (streamed + stream.finish() != decoded) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const input(reinterpret_cast<char const*>(data), size);
  if (!input.empty() && input[0] == '{') {
    try {
      Tokenizer const tokenizer = Tokenizer::from_json(input);
      tokenizer.decode(tokenizer.encode("Ab <x> 12", {.add_special_tokens = true}));
    } catch (grove::Error const&) {
    }
    return 0;
  }
  static std::array<Tokenizer, 3> const tokenizers{
      Tokenizer::from_json(small_tokenizer({{"type", "ByteLevel"}, {"add_prefix_space", false}})),
      Tokenizer::from_json(small_tokenizer(split("\\p{N}"))),
      Tokenizer::from_json(small_tokenizer(split("\\p{N}{1,3}")))};
  for (Tokenizer const& tokenizer : tokenizers) check_text(tokenizer, input);
  return 0;
}
