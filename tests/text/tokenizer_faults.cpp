// SPDX-License-Identifier: Apache-2.0
// What a tokenizer.json may ask for, and what is refused by name.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "grove/text/tokenizer.hpp"
#include "support/catch.hpp"
#include "text/failure.hpp"

using namespace grove::text;
using nlohmann::json;

namespace {

json fixture(std::string const& kind) {
  std::ifstream in(GROVE_TEST_DATA "/tokenizer/" + kind + "/tokenizer.json");
  return json::parse(in);
}

struct Change {
  char const* at;  ///< JSON pointer
  char const* value;
};

Tokenizer changed(Change change, std::string const& kind = "qwen2", json const& config = json::object()) {
  json spec = fixture(kind);
  spec[json::json_pointer(change.at)] = json::parse(change.value);
  return Tokenizer::from_json(spec.dump(), config.dump());
}

void check_contains(std::string const& text, std::vector<std::string> const& parts) {
  CAPTURE(text);
  for (std::string const& part : parts) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.size() < 500);
}

void check_refused(Change change, std::vector<std::string> const& parts) {
  check_contains(failure([&] { changed(change); }), parts);
}

}  // namespace

TEST_CASE("tokenizer.json: unknown steps are refused by name") {
  check_refused({"/normalizer", R"({"type":"NFKC"})"}, {"tokenizer.json: normalizer", "NFKC", "NFC"});
  check_refused({"/normalizer", R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]})"},
                {"normalizer.normalizers[1]", "Lowercase"});
  check_refused({"/normalizer", R"("NFC")"}, {"normalizer", "an object"});
  check_refused({"/pre_tokenizer", R"({"type":"Whitespace"})"}, {"pre_tokenizer", "Whitespace"});
  check_refused({"/pre_tokenizer", "null"}, {"pre_tokenizer", "ByteLevel"});
  check_refused({"/pre_tokenizer/pretokenizers/0/pattern/Regex", R"("\\w+")"},
                {"pretokenizers[0].pattern.Regex", "\\\\w+"});
  check_refused({"/pre_tokenizer/pretokenizers/0/pattern", R"({"String":" "})"}, {"pretokenizers[0].pattern", "Regex"});
  check_refused({"/pre_tokenizer/pretokenizers/0/behavior", R"("MergedWithNext")"}, {"behavior", "MergedWithNext"});
  check_refused({"/pre_tokenizer/pretokenizers/1/add_prefix_space", "true"}, {"pretokenizers[1].add_prefix_space"});
  check_refused(
      {"/pre_tokenizer/pretokenizers", R"([{"type":"ByteLevel","add_prefix_space":false},{"type":"ByteLevel"}])"},
      {"pretokenizers[1]", "after ByteLevel"});
  check_refused({"/decoder", R"({"type":"Metaspace"})"}, {"decoder", "Metaspace", "ByteLevel"});
  check_refused({"/decoder", "null"}, {"decoder", "ByteLevel"});
  check_refused({"/post_processor", R"({"type":"RobertaProcessing"})"}, {"post_processor", "RobertaProcessing"});
  check_refused({"/model/type", R"("Unigram")"}, {"model", "Unigram", "BPE"});
  check_refused({"/version", R"("2.0")"}, {"version", "2.0", "1.0"});
}

TEST_CASE("tokenizer.json: options of the model") {
  check_refused({"/model/dropout", "0.1"}, {"model.dropout", "0.1"});
  check_refused({"/model/continuing_subword_prefix", R"("##")"}, {"continuing_subword_prefix", "##"});
  check_refused({"/model/end_of_word_suffix", R"("</w>")"}, {"end_of_word_suffix", "</w>"});
  check_refused({"/model/ignore_merges", "1"}, {"model.ignore_merges", "true or false"});
  check_refused({"/model/vocab", "[]"}, {"model.vocab", "missing"});
  check_refused({"/model/merges", "{}"}, {"model.merges", "missing"});
  check_refused({"/model/vocab/x", "-1"}, {"model.vocab", "\"x\""});
  check_refused({"/model/vocab/x", "1.5"}, {"model.vocab", "\"x\""});
  check_refused({"/model/vocab/x", R"({"y":1})"}, {"model.vocab", "\"x\""});
  check_refused({"/model/vocab/xyz", "99999999999"}, {"model.vocab", "\"xyz\"", "16777216"});
  check_refused({"/model/vocab/xyz", "0"}, {"model.vocab", "id 0", "xyz"});
  check_refused({"/model/merges/3", R"(["a"])"}, {"model.merges", "entry 4", "pair"});
  check_refused({"/model/merges/3", R"(["a","b","c"])"}, {"model.merges", "pair"});
  check_refused({"/model/merges/3", R"("a b c")"}, {"model.merges", "pair"});
  check_refused({"/model/merges/3", R"(["a",["b"]])"}, {"model.merges", "pair"});
  check_refused({"/model/merges/3", R"(["a","nonsense"])"}, {"model.merges", "entry 3", "nonsense"});
  changed({"/model/continuing_subword_prefix", R"("")"});
  changed({"/model/dropout", "0.0"});
  changed({"/model/byte_fallback", "true"});
  changed({"/normalizer", R"({"type":"Sequence","normalizers":[{"type":"NFC"}]})"});
}

TEST_CASE("tokenizer.json: a vocabulary without all bytes") {
  json spec = fixture("gpt2");
  spec["model"]["vocab"].erase("\u00E4");  // byte E4
  spec["added_tokens"] = json::array();
  auto const load = [&] { return Tokenizer::from_json(spec.dump()); };
  CHECK(load().encode("plain").size() > 0);
  check_contains(failure([&] { load().encode("\u4E2D"); }), {"byte 228"});
  spec["model"]["byte_fallback"] = true;
  check_contains(failure([&] { load(); }), {"model.byte_fallback"});
  spec["model"]["byte_fallback"] = false;
  spec["model"]["unk_token"] = "<unk>";
  check_contains(failure([&] { load(); }), {"model.unk_token", "<unk>"});
  spec["model"]["unk_token"] = "<|endoftext|>";
  Tokenizer const tokenizer = load();
  CHECK(tokenizer.encode("\u4E2D").front() == *tokenizer.id("<|endoftext|>"));
}

TEST_CASE("tokenizer.json: GPT-4's way to write the same split") {
  Tokenizer const usual = Tokenizer::load(GROVE_TEST_DATA "/tokenizer/llama3");
  json spec = fixture("llama3");
  spec["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Removed";
  spec["pre_tokenizer"]["pretokenizers"][0]["invert"] = true;
  Tokenizer const inverted = Tokenizer::from_json(spec.dump());
  CHECK(inverted.encode("the answer's 12345\n\n x") == usual.encode("the answer's 12345\n\n x"));
  spec["pre_tokenizer"]["pretokenizers"][0]["invert"] = false;
  check_contains(failure([&] { Tokenizer::from_json(spec.dump()); }), {"behavior", "Removed"});
}

TEST_CASE("tokenizer.json: steps one after the other cut the words of the step before") {
  json spec = fixture("llama3");
  spec["pre_tokenizer"]["pretokenizers"][1]["use_regex"] = true;
  Tokenizer const both = Tokenizer::from_json(spec.dump());
  Tokenizer const llama = Tokenizer::load(GROVE_TEST_DATA "/tokenizer/llama3");
  CHECK(both.decode(both.encode("(the answer's)\n 12345  x")) == "(the answer's)\n 12345  x");
  // "(the" is one word to Llama 3's pattern and two to GPT-2's; "12345" is two and one, and the finer cut wins.
  std::vector<grove::TokenId> parts = both.encode("(");
  for (grove::TokenId const id : both.encode("the")) parts.push_back(id);
  CHECK(both.encode("(the") == parts);
  CHECK(both.encode("12345") == llama.encode("12345"));
}

TEST_CASE("tokenizer.json: templates") {
  std::string const head = R"({"type":"TemplateProcessing","single":)";
  std::string const tail =
      R"(,"pair":[],"special_tokens":{"<think>":{"id":"<think>","ids":[5],"tokens":["<think>"]}}})";
  std::string const a = R"({"Sequence":{"id":"A","type_id":0}})",
                    s = R"({"SpecialToken":{"id":"<think>","type_id":0}})";
  auto const load = [&](std::string const& single) {
    return changed({"/post_processor", (head + single + tail).c_str()});
  };
  Tokenizer const tokenizer = load("[" + s + "," + a + "," + s + "," + s + "]");
  CHECK(tokenizer.encode("", {.add_special_tokens = true}) == std::vector<grove::TokenId>{5, 5, 5});
  check_contains(failure([&] { load("[" + s + "]"); }), {"post_processor.single", "0 times"});
  check_contains(failure([&] { load("[" + a + "," + a + "]"); }), {"post_processor.single", "2 times"});
  check_contains(failure([&] { load(R"([{"Sequence":{"id":"B"}}])"); }), {"post_processor.single[0]"});
  check_contains(failure([&] { load(R"([{"SpecialToken":{"id":"<x>"}}])"); }), {"special_tokens", "<x>"});
  check_refused({"/post_processor",
                 R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"x"}}],
                 "special_tokens":{"x":{"ids":[9999]}}})"},
                {"post_processor", "9999"});
}

TEST_CASE("tokenizer.json: added tokens") {
  check_refused({"/added_tokens/0/id", "9000"}, {"added_tokens", "has id 9000", "expected id"});
  check_refused({"/added_tokens/0/id", "-1"}, {"added_tokens[0].id"});
  check_refused({"/added_tokens/0/content", "7"}, {"added_tokens[0].content", "a string"});
  check_refused({"/added_tokens/0/lstrip", R"("yes")"}, {"added_tokens[0].lstrip", "true or false"});
  check_refused({"/added_tokens", "{}"}, {"added_tokens", "an array"});
  CHECK(changed({"/added_tokens", "null"}).encode("<think>").size() > 1);
}

TEST_CASE("tokenizer_config.json: special tokens") {
  auto const load = [](json const& config) { return changed({"/truncation", "null"}, "qwen2", config); };
  check_contains(failure([&] { load({{"eos_token", "</s>"}}); }), {"tokenizer_config.json: eos_token", "</s>"});
  check_contains(failure([&] { load({{"pad_token", 3}}); }), {"tokenizer_config.json: pad_token", "a string"});
  check_contains(failure([&] { load({{"add_bos_token", 1}}); }), {"add_bos_token", "true or false"});
  check_contains(failure([&] {
                   load({{"added_tokens_decoder", {{"7", {{"content", "<new>"}}}}}});
                 }),
                 {"added_tokens_decoder.7", "<new>"});
  check_contains(failure([&] {
                   load({{"added_tokens_decoder", {{"x", json::object()}}}});
                 }),
                 {"added_tokens_decoder", "\"x\""});

  // A token of the vocabulary that only the configuration calls special is found in text and skipped.
  Tokenizer const tokenizer = load({{"eos_token", "answer"}, {"additional_special_tokens", {"</think>"}}});
  CHECK(tokenizer.is_special(*tokenizer.eos()));
  CHECK(tokenizer.is_special(*tokenizer.id("</think>")));
  auto const ids = tokenizer.encode("unanswered </think>x");
  CHECK(std::count(ids.begin(), ids.end(), *tokenizer.eos()) == 1);
  CHECK(tokenizer.decode(ids, {.skip_special_tokens = true}) == "uned x");

  // Flags in the configuration win over those in tokenizer.json.
  auto const think = *tokenizer.id("<think>");
  Tokenizer const strips =
      load({{"added_tokens_decoder", {{std::to_string(think), {{"content", "<think>"}, {"lstrip", true}}}}}});
  CHECK(strips.encode("  <think>") == std::vector<grove::TokenId>{think});
}

TEST_CASE("tokenizer.json: malformed files") {
  std::string const whole = fixture("qwen2").dump();
  for (std::size_t const size :
       {std::size_t{0}, std::size_t{1}, whole.size() / 3, whole.size() / 2, whole.size() - 1}) {
    check_contains(failure([&] { Tokenizer::from_json(whole.substr(0, size)); }), {"tokenizer.json", "not valid JSON"});
  }
  check_contains(failure([&] { Tokenizer::from_json("[]"); }), {"tokenizer.json", "an object"});
  check_contains(failure([&] { Tokenizer::from_json("{}"); }), {"model", "an object"});
  check_contains(failure([&] { Tokenizer::from_json("{\"model\": \"\xFF\"}"); }), {"not valid JSON"});
  check_contains(failure([&] { Tokenizer::from_json(std::string(1'000'000, '[')); }), {"nested too deeply", "64"});
  check_contains(failure([&] { Tokenizer::from_json('"' + std::string(1'000'000, 'x')); }), {"not valid JSON"});
  std::string deep = "{\"model\":";
  for (int i = 0; i < 1000; ++i) deep += "{\"vocab\":";
  check_contains(failure([&] { Tokenizer::from_json(deep); }), {"model.vocab"});
  check_contains(failure([&] {
                   Tokenizer::from_json(R"({"model":{"vocab":{"a":0,"a":1},"merges":[]},"pre_tokenizer":
                 {"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"}})");
                 }),
                 {"model.vocab", "\"a\"", "twice"});
}

TEST_CASE("tokenizer: files that are not there") {
  check_contains(failure([] { Tokenizer::load("/no/such/folder"); }), {"/no/such/folder", "cannot be read"});
  check_contains(failure([] { Tokenizer::load(GROVE_TEST_DATA); }), {"tokenizer.json", "cannot be read"});
}
