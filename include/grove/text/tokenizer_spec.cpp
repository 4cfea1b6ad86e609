// SPDX-License-Identifier: Apache-2.0
#include "grove/text/tokenizer_spec.hpp"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "grove/error.hpp"
#include "grove/text/json_reader.hpp"
#include "grove/text/unicode.hpp"

namespace grove::text::detail {
namespace {

using nlohmann::json;

/// A value with the name errors give it: the file and the path of keys.
struct Node {
  json const& value;
  std::string where;
  bool is_file = false;

  [[noreturn]] void refuse(std::string const& what, std::string const& expected) const {
    throw Error(where, what, expected);
  }

  bool has(char const* key) const { return value.is_object() && value.contains(key) && !value.at(key).is_null(); }

  Node at(char const* key) const {
    static json const null;
    auto const found = value.find(key);
    std::string const path = where + (is_file ? ": " : ".") + key;
    return {found == value.end() ? null : *found, path};
  }
  Node at(std::size_t i) const { return {value[i], where + "[" + std::to_string(i) + "]"}; }

  std::string text() const {
    if (!value.is_string()) refuse("is " + shown(), "a string");
    return value.get<std::string>();
  }
  bool flag(char const* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!value.at(key).is_boolean()) at(key).refuse("is " + at(key).shown(), "true or false");
    return value.at(key).get<bool>();
  }
  void must_be_object() const {
    if (!value.is_object()) refuse("is " + shown(), "an object");
  }
  void must_be_array() const {
    if (!value.is_array()) refuse("is " + shown(), "an array");
  }

  /// The value as JSON, cut to fit a line.
  std::string shown() const {
    if (value.is_structured()) return value.is_array() ? "an array" : "an object";
    std::string const all = value.dump(-1, ' ', true);
    return all.size() <= 160 ? all : replace_invalid_utf8(all.substr(0, 160)) + "...";
  }

  std::string type() const {
    must_be_object();
    return at("type").text();
  }
  /// Refuses an option that has any but its do-nothing values.
  void only(char const* key, std::initializer_list<json> allowed, std::string const& expected) const {
    if (!value.contains(key)) return;
    if (std::find(allowed.begin(), allowed.end(), value.at(key)) == allowed.end()) {
      at(key).refuse("is " + at(key).shown(), expected);
    }
  }
};

TokenId read_id(Node const& node) {
  if (!node.value.is_number_unsigned() || node.value.get<std::uint64_t>() >= 1U << 24) {
    node.refuse("is " + node.shown(), "an id from 0 to 16777215");
  }
  return node.value.get<TokenId>();
}

/// Calls `read` for a step, or for each step of a Sequence, whose list has another name for each kind.
template <typename Read>
void each_step(Node const& node, char const* list, Read&& read) {
  if (node.value.is_null()) return;
  if (node.type() != "Sequence") return read(node);
  Node const steps = node.at(list);
  steps.must_be_array();
  for (std::size_t i = 0; i < steps.value.size(); ++i) each_step(steps.at(i), list, read);
}

void read_normalizer(Node const& node, TokenizerSpec& spec) {
  each_step(node, "normalizers", [&](Node const& step) {
    if (step.type() != "NFC") step.refuse("unknown normalizer " + step.at("type").shown(), "null or NFC");
    spec.nfc = true;
  });
}

SplitPattern read_split(Node const& step) {
  Node const pattern = step.at("pattern");
  if (!pattern.has("Regex")) pattern.refuse("is not a regular expression", "{\"Regex\": ...}");
  std::optional<SplitPattern> const known = known_split_pattern(pattern.at("Regex").text());
  if (!known) {
    pattern.at("Regex").refuse("unknown pattern " + pattern.at("Regex").shown(),
                               "the pattern of GPT-2, of Qwen2 or of GPT-4 and Llama 3");
  }
  // The known patterns leave no gap, so dropping what lies between the matches is the same as keeping the matches.
  std::string const behavior = step.at("behavior").text();
  if (!(behavior == "Isolated" || (behavior == "Removed" && step.flag("invert", false)))) {
    step.at("behavior").refuse("unknown behavior \"" + behavior + "\"", "\"Isolated\", or \"Removed\" with invert");
  }
  return *known;
}

void read_pre_tokenizer(Node const& node, TokenizerSpec& spec) {
  bool to_bytes = false;
  each_step(node, "pretokenizers", [&](Node const& step) {
    std::string const type = step.type();
    if (to_bytes) step.refuse("\"" + type + "\" after ByteLevel", "ByteLevel as the last step");
    if (type == "Split") {
      spec.patterns.push_back(read_split(step));
    } else if (type == "ByteLevel") {
      to_bytes = true;
      if (step.flag("add_prefix_space", true)) step.at("add_prefix_space").refuse("is not supported", "false");
      if (step.flag("use_regex", true)) spec.patterns.push_back(SplitPattern::gpt2);
    } else {
      step.refuse("unknown pre-tokenizer " + step.at("type").shown(), "Split, ByteLevel or a Sequence of them");
    }
  });
  if (!to_bytes) node.refuse("has no ByteLevel step", "a byte-level tokenizer");
}

void read_decoder(Node const& node) {
  int count = 0;
  each_step(node, "decoders", [&](Node const& step) {
    if (step.type() != "ByteLevel") step.refuse("unknown decoder " + step.at("type").shown(), "ByteLevel");
    ++count;
  });
  if (count != 1) node.refuse(count == 0 ? "has no ByteLevel step" : "has ByteLevel twice", "ByteLevel once");
}

void append_ids(Node const& tokens, std::string const& name, std::vector<TokenId>& ids) {
  if (!tokens.has(name.c_str())) tokens.refuse("has no \"" + name + "\"", "every token of the template");
  Node const list = tokens.at(name.c_str()).at("ids");
  list.must_be_array();
  for (std::size_t i = 0; i < list.value.size(); ++i) ids.push_back(read_id(list.at(i)));
}

/// Template of a single sequence: special tokens, $A, special tokens. That of pairs is never used.
void read_template(Node const& step, TokenizerSpec& spec) {
  Node const single = step.at("single");
  single.must_be_array();
  std::vector<TokenId> before, after;
  int sequences = 0;
  for (std::size_t i = 0; i < single.value.size(); ++i) {
    Node const piece = single.at(i);
    if (piece.has("SpecialToken")) {
      std::string const name = piece.at("SpecialToken").at("id").text();
      append_ids(step.at("special_tokens"), name, sequences == 0 ? before : after);
    } else if (piece.has("Sequence") && piece.at("Sequence").at("id").text() == "A") {
      ++sequences;
    } else {
      piece.refuse("is neither a special token nor sequence A", "a template of one sequence");
    }
  }
  if (sequences != 1) single.refuse("has sequence A " + std::to_string(sequences) + " times", "once");
  spec.has_template = true;
  spec.before.insert(spec.before.begin(), before.begin(), before.end());
  spec.after.insert(spec.after.end(), after.begin(), after.end());
}

void read_post_processor(Node const& node, TokenizerSpec& spec) {
  each_step(node, "processors", [&](Node const& step) {
    std::string const type = step.type();
    if (type == "TemplateProcessing") return read_template(step, spec);
    if (type != "ByteLevel") {
      step.refuse("unknown post-processor " + step.at("type").shown(), "null, ByteLevel or TemplateProcessing");
    }
  });
}

void read_model(Node const& model, JsonFile& file, TokenizerSpec& spec) {
  model.must_be_object();
  if (model.has("type") && model.at("type").text() != "BPE") {
    model.refuse("unknown model " + model.at("type").shown(), "BPE");
  }
  model.only("dropout", {nullptr, 0.0}, "null: encoding must not be random");
  model.only("continuing_subword_prefix", {nullptr, ""}, "null in a byte-level tokenizer");
  model.only("end_of_word_suffix", {nullptr, ""}, "null in a byte-level tokenizer");
  if (!file.has_vocabulary) model.at("vocab").refuse("is missing or no object", "{\"token\": id, ...}");
  if (!file.has_merges) model.at("merges").refuse("is missing or no array", "[[\"a\", \"b\"], ...]");
  if (model.has("unk_token")) spec.unk_token = model.at("unk_token").text();
  spec.fuse_unk = model.flag("fuse_unk", false);
  spec.byte_fallback = model.flag("byte_fallback", false);
  spec.ignore_merges = model.flag("ignore_merges", false);
  spec.vocabulary = std::move(file.vocabulary);
  spec.merges = std::move(file.merges);
}

AddedToken read_added_token(Node const& node) {
  node.must_be_object();
  AddedToken token;
  token.content = node.at("content").text();
  token.special = node.flag("special", false);
  token.single_word = node.flag("single_word", false);
  token.lstrip = node.flag("lstrip", false);
  token.rstrip = node.flag("rstrip", false);
  token.normalized = node.flag("normalized", !token.special);
  return token;
}

/// A special token of tokenizer_config.json: a string, or an object with its content.
std::optional<std::string> read_special(Node const& node) {
  if (node.value.is_null()) return std::nullopt;
  return node.value.is_object() ? node.at("content").text() : node.text();
}

void read_special_lists(Node const& root, TokenizerConfig& config) {
  for (char const* key : {"unk_token", "sep_token", "cls_token", "mask_token"}) {
    if (auto token = read_special(root.at(key))) config.special_tokens.push_back(*std::move(token));
  }
  for (char const* key : {"additional_special_tokens", "extra_special_tokens"}) {
    Node const list = root.at(key);
    if (!list.value.is_structured()) continue;
    for (json const& entry : list.value) {
      if (auto token = read_special({entry, list.where})) config.special_tokens.push_back(*std::move(token));
    }
  }
}

void read_added_tokens_decoder(Node const& table, TokenizerConfig& config) {
  if (table.value.is_null()) return;
  table.must_be_object();
  for (auto const& [key, value] : table.value.items()) {
    bool const number = !key.empty() && key.size() <= 8 &&
                        std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number) table.refuse("has the key \"" + key.substr(0, 40) + "\"", "an id");
    AddedToken token = read_added_token({value, table.where + "." + key});
    token.id = static_cast<TokenId>(std::stol(key));
    config.added_tokens.push_back(std::move(token));
  }
  std::sort(config.added_tokens.begin(), config.added_tokens.end(),
            [](AddedToken const& a, AddedToken const& b) { return a.id < b.id; });
}

}  // namespace

TokenizerSpec read_tokenizer_json(std::string_view text, std::string const& name) {
  JsonFile file = parse_json(text, name);
  TokenizerSpec spec;
  spec.file = name;
  Node const root{file.tree, spec.file, true};
  root.must_be_object();
  root.only("version", {"1.0"}, "\"1.0\"");
  read_model(root.at("model"), file, spec);
  read_normalizer(root.at("normalizer"), spec);
  read_pre_tokenizer(root.at("pre_tokenizer"), spec);
  read_post_processor(root.at("post_processor"), spec);
  read_decoder(root.at("decoder"));
  Node const added = root.at("added_tokens");
  if (added.value.is_null()) return spec;
  added.must_be_array();
  for (std::size_t i = 0; i < added.value.size(); ++i) {
    AddedToken token = read_added_token(added.at(i));
    token.id = read_id(added.at(i).at("id"));
    spec.added_tokens.push_back(std::move(token));
  }
  return spec;
}

TokenizerConfig read_tokenizer_config(std::string_view text, std::string const& name) {
  JsonFile const file = parse_json(text, name);
  TokenizerConfig config;
  config.file = name;
  Node const root{file.tree, config.file, true};
  root.must_be_object();
  config.bos_token = read_special(root.at("bos_token"));
  config.eos_token = read_special(root.at("eos_token"));
  config.pad_token = read_special(root.at("pad_token"));
  config.add_bos_token = root.flag("add_bos_token", false);
  config.add_eos_token = root.flag("add_eos_token", false);
  read_special_lists(root, config);
  read_added_tokens_decoder(root.at("added_tokens_decoder"), config);
  return config;
}

}  // namespace grove::text::detail
