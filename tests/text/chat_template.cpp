// SPDX-License-Identifier: Apache-2.0
#include "grove/text/chat_template.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <vector>

#include "grove/error.hpp"
#include "support/catch.hpp"

namespace {

using grove::Message;
using grove::text::ChatTemplate;
using nlohmann::ordered_json;

/// A folder of its own for a test, removed with it.
class Folder {
 public:
  explicit Folder(std::string const& name)
      : path_(std::filesystem::temp_directory_path() / ("grove_chat_template_" + name)) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void write(std::string const& name, std::string const& text) const { std::ofstream(path_ / name) << text; }
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string load_error(Folder const& folder) {
  try {
    ChatTemplate::load(folder.path());
  } catch (grove::Error const& error) {
    return error.what();
  }
  return "no error";
}

std::vector<Message> const conversation = {{"system", "Be brief."}, {"user", "2+2?"}};

}  // namespace

TEST_CASE("a conversation is rendered with the variables that transformers passes") {
  auto const parsed = ChatTemplate::parse(
      "{{ tools is none }}{{ documents is none }}{% for m in messages %}[{{ m.role }}:{{ m['content'] }}]{% endfor %}"
      "{% if add_generation_prompt %}>{% endif %}{{ extra }}");
  CHECK(parsed.render(conversation) == "TrueTrue[system:Be brief.][user:2+2?]>");
  CHECK(parsed.render(conversation, {.add_generation_prompt = false}) == "TrueTrue[system:Be brief.][user:2+2?]");
  ordered_json const variables = {{"extra", "!"}, {"tools", ordered_json::array()}};
  CHECK(parsed.render(conversation, {.variables = &variables}) == "FalseTrue[system:Be brief.][user:2+2?]>!");
}

TEST_CASE("objects print in the order of their keys") {
  ordered_json const variables = {{"tool", {{"z", 1}, {"a", {{"y", 2}, {"b", 3}}}}}};
  CHECK(ChatTemplate::parse("{{ tool | tojson }}").render(variables) == R"({"z": 1, "a": {"y": 2, "b": 3}})");
}

TEST_CASE("the clock of strftime_now can be set") {
  auto const parsed = ChatTemplate::parse("{{ strftime_now('%Y-%m-%d') }}");
  std::tm local{};
  local.tm_year = 124;
  local.tm_mon = 11;
  local.tm_mday = 24;
  local.tm_hour = 12;
  local.tm_isdst = -1;
  auto const now = std::chrono::system_clock::from_time_t(std::mktime(&local));
  CHECK(parsed.render(ordered_json::object(), {.now = now}) == "2024-12-24");
  CHECK(parsed.render(ordered_json::object()).size() == 10);
}

TEST_CASE("chat_template.jinja comes before tokenizer_config.json, which names the special tokens") {
  Folder const folder("precedence");
  folder.write("tokenizer_config.json",
               R"({"chat_template": "config", "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
                   "pad_token": null})");
  folder.write("special_tokens_map.json", R"({"pad_token": "<pad>", "unk_token": {"content": "<unk>"}})");
  CHECK(ChatTemplate::load(folder.path()).render(conversation) == "config");
  folder.write("chat_template.jinja",
               "{{ bos_token }}{{ eos_token }}{{ unk_token }}{{ pad_token is defined }}{{ cls_token is defined }}\n");
  CHECK(ChatTemplate::load(folder.path()).render(conversation) == "<s></s><unk>FalseFalse");
  ordered_json const variables = {{"bos_token", "!"}};
  CHECK(ChatTemplate::load(folder.path()).render(conversation, {.variables = &variables}) == "!</s><unk>FalseFalse");
}

TEST_CASE("of several templates the default is taken") {
  Folder const folder("list");
  folder.write("tokenizer_config.json",
               R"({"chat_template": [{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]})");
  CHECK(ChatTemplate::load(folder.path()).render(conversation) == "d");
  folder.write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "r"}]})");
  CHECK(load_error(folder) == (folder.path() / "tokenizer_config.json").string() +
                                  ": chat_template: none of the templates is named \"default\", but \"rag\"; "
                                  "write the one to use to chat_template.jinja");
}

TEST_CASE("a folder without a usable template says what to do") {
  Folder const folder("faults");
  CHECK(load_error(folder).find("has no chat template; expected chat_template.jinja") != std::string::npos);
  folder.write("tokenizer_config.json", R"({"chat_template": null})");
  CHECK(load_error(folder).find("has no chat template") != std::string::npos);
  folder.write("tokenizer_config.json", R"({"chat_template": 5})");
  CHECK(load_error(folder).find("is neither a text nor a list") != std::string::npos);
  folder.write("tokenizer_config.json", R"({"chat_template": ["x"]})");
  CHECK(load_error(folder).find("an entry of the list is wrong") != std::string::npos);
  folder.write("tokenizer_config.json", R"({"chat_template": )");
  CHECK(load_error(folder).find("is no JSON object") != std::string::npos);
  folder.write("tokenizer_config.json", "{}");
  folder.write("chat_template.jinja", "a\n{% if %}");
  CHECK(load_error(folder).find("chat_template.jinja, line 2: unexpected '%}'") != std::string::npos);
}

TEST_CASE("one template serves many threads") {
  auto const parsed = ChatTemplate::parse(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.content | upper }}"
      "{% endfor %}{{ ns.n }}");
  std::vector<std::future<std::string>> results;
  for (int i = 0; i < 8; ++i) {
    results.push_back(std::async(std::launch::async, [&parsed, i] {
      std::string text;
      for (int round = 0; round < 50; ++round) {
        std::vector<Message> const messages(static_cast<std::size_t>(i + 1), Message{"user", "a"});
        text = parsed.render(messages);
      }
      return text;
    }));
  }
  for (int i = 0; i < 8; ++i) {
    auto const count = static_cast<std::size_t>(i + 1);
    CHECK(results[static_cast<std::size_t>(i)].get() == std::string(count, 'A') + std::to_string(count));
  }
}

TEST_CASE("the shared tokenizer's template") {
  char const* const shared = std::getenv("GROVE_SHARED");
  std::filesystem::path const folder =
      std::filesystem::path(shared ? shared : GROVE_TEST_DATA "/../../../shared") / "tokenizer";
  if (!std::filesystem::exists(folder / "tokenizer_config.json")) {
    WARN("skipped: there is no " + folder.string());
    return;
  }
  auto const parsed = ChatTemplate::load(folder);
  std::vector<Message> messages = {{"user", "2+2?"}};
  CHECK(parsed.render(messages) == "<｜begin▁of▁sentence｜><｜User｜>2+2?<｜Assistant｜><think>\n");
  messages.insert(messages.begin(), Message{"system", "Be brief."});
  messages.push_back({"assistant", "<think>\nhm\n</think>\n\n4"});
  CHECK(parsed.render(messages, {.add_generation_prompt = false}) ==
        "<｜begin▁of▁sentence｜>Be brief.<｜User｜>2+2?<｜Assistant｜>\n\n4<｜end▁of▁sentence｜>");
}
