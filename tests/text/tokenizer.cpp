// SPDX-License-Identifier: Apache-2.0
#include "grove/text/tokenizer.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "grove/text/unicode.hpp"
#include "support/catch.hpp"
#include "text/failure.hpp"

using namespace grove::text;
using grove::TokenId;
using Ids = std::vector<TokenId>;

namespace {

std::string const data = GROVE_TEST_DATA "/tokenizer/";

std::vector<nlohmann::json> lines(std::string const& file) {
  std::ifstream in(file);
  std::vector<nlohmann::json> out;
  for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

/// Decodes token by token; fails if a part is not UTF-8 of its own.
std::string streamed(Tokenizer const& tokenizer, Ids const& ids, DecodeOptions options = {}) {
  StreamDecoder decoder(tokenizer, options);
  std::string text;
  for (TokenId const id : ids) {
    std::string const part = decoder.push(id);
    if (!is_valid_utf8(part)) FAIL("token " << id << " gave broken UTF-8");
    text += part;
  }
  return text + decoder.finish();
}

std::filesystem::path shared() {
  char const* const set = std::getenv("GROVE_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(GROVE_TEST_DATA) / "../../../shared";
}

}  // namespace

TEST_CASE("tokenizer: ids and texts of Hugging Face's tokenizers") {
  for (std::string const kind : {"qwen2", "llama3", "gpt2"}) {
    DYNAMIC_SECTION(kind) {
      Tokenizer const tokenizer = Tokenizer::load(data + kind);
      auto const encoded = lines(data + kind + "/encode.jsonl");
      REQUIRE(encoded.size() > 150);
      for (auto const& line : encoded) {
        CAPTURE(line.dump());
        auto const text = line["text"].get<std::string>();
        auto const ids = line["ids"].get<Ids>();
        CHECK(tokenizer.encode(text) == ids);
        CHECK(streamed(tokenizer, ids) == tokenizer.decode(ids));
        if (kind != "qwen2") CHECK(tokenizer.decode(ids) == text);
      }
      auto const decoded = lines(data + kind + "/decode.jsonl");
      REQUIRE(decoded.size() == 60);
      for (auto const& line : decoded) {
        CAPTURE(line.dump());
        auto const ids = line["ids"].get<Ids>();
        CHECK(tokenizer.decode(ids) == line["text"].get<std::string>());
        CHECK(tokenizer.decode(ids, {.skip_special_tokens = true}) == line["text_without_special"].get<std::string>());
        CHECK(streamed(tokenizer, ids) == line["text"].get<std::string>());
        CHECK(streamed(tokenizer, ids, {.skip_special_tokens = true}) ==
              line["text_without_special"].get<std::string>());
      }
    }
  }
}

TEST_CASE("tokenizer: decode(encode(x)) is NFC(x) where no token strips white space") {
  Tokenizer const tokenizer = Tokenizer::load(data + "qwen2");
  for (std::string const text :
       {"i\u0308 i\u0323\u0308", "\u1100\u1161\u11A8 x", "s\u0323\u0307", "\u212B <|im_start|>o\u0301", " \n\t "}) {
    CHECK(tokenizer.decode(tokenizer.encode(text)) == nfc(text));
  }
}

TEST_CASE("tokenizer: the Qwen vocabulary and its golden cases") {
  std::filesystem::path const golden = shared() / "golden/tokenizer.jsonl";
  if (!std::filesystem::exists(golden)) {
    WARN("skipped: no " << golden.string() << " (set GROVE_SHARED)");
    return;
  }
  Tokenizer const tokenizer = Tokenizer::load(shared() / "tokenizer");
  CHECK(tokenizer.vocab_size() == 151'650);
  CHECK(tokenizer.eos() == 151'643);
  std::size_t cases = 0, wrong = 0;
  for (auto const& line : lines(golden.string())) {
    auto const text = line["text"].get<std::string>();
    auto const ids = tokenizer.encode(text);
    ++cases;
    wrong +=
        ids != line["ids"].get<Ids>() || tokenizer.decode(ids) != nfc(text) || streamed(tokenizer, ids) != nfc(text);
  }
  CHECK(cases == 5'355);
  CHECK(wrong == 0);
}

TEST_CASE("tokenizer: a template puts BOS before the text, add_bos_token where there is no template") {
  Tokenizer const llama = Tokenizer::load(data + "llama3");
  Ids expected = llama.encode("the answer");
  CHECK(expected.front() != *llama.bos());
  expected.insert(expected.begin(), *llama.bos());
  CHECK(llama.encode("the answer", {.add_special_tokens = true}) == expected);
  CHECK(llama.encode("", {.add_special_tokens = true}) == Ids{*llama.bos()});

  Tokenizer const gpt = Tokenizer::load(data + "gpt2");
  CHECK(gpt.encode("", {.add_special_tokens = true}) == Ids{*gpt.bos()});
  Tokenizer const qwen = Tokenizer::load(data + "qwen2");
  CHECK(qwen.encode("the", {.add_special_tokens = true}) == qwen.encode("the"));
}

TEST_CASE("tokenizer: names and kinds of tokens") {
  Tokenizer const tokenizer = Tokenizer::load(data + "qwen2/tokenizer.json");
  CHECK(!tokenizer.bos());
  CHECK(tokenizer.bos_token().empty());
  CHECK(tokenizer.eos_token() == "<|im_end|>");
  CHECK(tokenizer.pad_token() == "<|endoftext|>");
  CHECK(tokenizer.id("<|im_end|>") == tokenizer.eos());
  CHECK(tokenizer.is_special(*tokenizer.eos()));
  CHECK(!tokenizer.is_special(*tokenizer.id("<think>")));

  TokenId const the = *tokenizer.id("\u0120the");
  CHECK(tokenizer.token(the) == "\u0120the");
  CHECK(tokenizer.bytes(the) == " the");
  CHECK(tokenizer.bytes(*tokenizer.id("\u0120")) == " ");
  CHECK(tokenizer.bytes(*tokenizer.id("\u0122")).size() == 1);
  CHECK(!tokenizer.id("no such token"));
  CHECK(!tokenizer.id("\xFF"));
  for (std::size_t i = 0; i < tokenizer.vocab_size(); ++i) {
    auto const id = static_cast<TokenId>(i);
    CHECK(tokenizer.id(tokenizer.token(id)) == id);
  }
}

TEST_CASE("tokenizer: ids that are no token") {
  Tokenizer const tokenizer = Tokenizer::load(data + "gpt2");
  auto const size = static_cast<TokenId>(tokenizer.vocab_size());
  for (TokenId const id : {-1, size, 0x7FFFFFFF}) {
    std::string const number = std::to_string(id);
    CHECK(failure([&] { tokenizer.decode(Ids{0, id}); }).find("no token has id " + number) != std::string::npos);
    CHECK(failure([&] { tokenizer.token(id); }).find(number) != std::string::npos);
    CHECK(failure([&] { tokenizer.bytes(id); }).find(number) != std::string::npos);
    CHECK(failure([&] { StreamDecoder(tokenizer).push(id); }).find(number) != std::string::npos);
  }
}

TEST_CASE("tokenizer: text that is not UTF-8 is read as Python reads it with errors='replace'") {
  Tokenizer const tokenizer = Tokenizer::load(data + "qwen2");
  for (std::string const text : {"\xFF", "a\xC3", "\xE2\x82 b", "x\xED\xA0\x80y", "\xF0\x9F\x98<think>\x80"}) {
    CHECK(tokenizer.encode(text) == tokenizer.encode(replace_invalid_utf8(text)));
    CHECK(tokenizer.decode(tokenizer.encode(text)) == replace_invalid_utf8(text));
  }
}

TEST_CASE("tokenizer: streaming holds back no more than the character it waits for") {
  Tokenizer const tokenizer = Tokenizer::load(data + "gpt2");
  StreamDecoder decoder(tokenizer);
  auto const byte = [&](char const* spelled) { return *tokenizer.id(spelled); };
  CHECK(decoder.push(byte("a")) == "a");
  CHECK(decoder.push(byte("\u00E2")).empty());  // E2 82 AC is the euro sign
  CHECK(decoder.push(byte("\u0124")).empty());
  CHECK(decoder.push(byte("\u00AC")) == "\u20AC");
  CHECK(decoder.push(byte("\u00E2")).empty());
  CHECK(decoder.push(byte("b")) == "\uFFFDb");
  CHECK(decoder.push(byte("\u00F0")).empty());
  CHECK(decoder.finish() == "\uFFFD");
  CHECK(decoder.finish().empty());
}

TEST_CASE("tokenizer: one tokenizer, many threads") {
  Tokenizer const tokenizer = Tokenizer::load(data + "qwen2");
  auto const cases = lines(data + "qwen2/encode.jsonl");
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&, copy = tokenizer] {
      for (auto const& line : cases) count += copy.encode(line["text"].get<std::string>()) != line["ids"].get<Ids>();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("tokenizer: a megabyte without a space") {
  Tokenizer const tokenizer = Tokenizer::load(data + "gpt2");
  std::string const text = std::string(1 << 20, 'a') + std::string(1 << 20, ' ');
  CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
}
