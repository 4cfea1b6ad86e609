// SPDX-License-Identifier: Apache-2.0
#include "grove/text/chat_template.hpp"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/text/jinja/interpreter.hpp"
#include "grove/text/jinja/parser.hpp"

namespace grove::text {
namespace {

using nlohmann::ordered_json;

std::string read_file(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path.string(), "cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The object in a file; an empty one if there is no such file.
ordered_json read_object(std::filesystem::path const& path) {
  if (!std::filesystem::exists(path)) return ordered_json::object();
  auto json = ordered_json::parse(read_file(path), nullptr, false);
  if (!json.is_object()) throw Error(path.string(), "is no JSON object");
  return json;
}

std::string list_of_names(ordered_json const& templates) {
  std::string names;
  for (auto const& entry : templates) {
    if (entry.is_object() && entry.contains("name")) names += (names.empty() ? "" : ", ") + entry["name"].dump();
  }
  return names;
}

/// The value of the key "chat_template": a text, or a list of {name, template}.
std::string chosen_template(ordered_json const& value, std::string const& where) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) throw Error(where, "is neither a text nor a list of templates");
  for (auto const& entry : value) {
    bool const complete = entry.is_object() && entry.contains("name") && entry.contains("template") &&
                          entry["name"].is_string() && entry["template"].is_string();
    if (!complete) throw Error(where, "an entry of the list is wrong", R"({"name": "...", "template": "..."})");
    if (entry["name"] == "default") return entry["template"].get<std::string>();
  }
  throw Error(where, "none of the templates is named \"default\", but " + list_of_names(value), {},
              "write the one to use to chat_template.jinja");
}

/// The special tokens that a tokenizer's files name, as variables of the template.
ordered_json special_tokens(ordered_json const& config, ordered_json const& legacy) {
  ordered_json tokens = ordered_json::object();
  for (char const* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    for (auto const* source : {&legacy, &config}) {
      auto const found = source->find(name);
      if (found == source->end()) continue;
      if (found->is_string()) tokens[name] = *found;
      if (found->is_object() && found->contains("content")) tokens[name] = (*found)["content"];
      if (found->is_null()) tokens.erase(name);
    }
  }
  return tokens;
}

}  // namespace

struct ChatTemplate::State {
  std::shared_ptr<jinja::Template const> parsed;
  ordered_json tokens;
};

ChatTemplate::ChatTemplate(std::shared_ptr<State const> state) : state_(std::move(state)) {}

ChatTemplate ChatTemplate::parse(std::string const& source, std::string name) {
  return ChatTemplate(
      std::make_shared<State const>(State{jinja::parse(source, std::move(name)), ordered_json::object()}));
}

ChatTemplate ChatTemplate::load(std::filesystem::path const& folder) {
  auto const config_file = folder / "tokenizer_config.json";
  auto const template_file = folder / "chat_template.jinja";
  auto const config = read_object(config_file);
  auto tokens = special_tokens(config, read_object(folder / "special_tokens_map.json"));
  std::string name = template_file.string();
  std::string source;
  if (std::filesystem::exists(template_file)) {
    source = read_file(template_file);
  } else if (auto const found = config.find("chat_template"); found != config.end() && !found->is_null()) {
    name = config_file.string() + ": chat_template";
    source = chosen_template(*found, name);
  } else {
    throw Error(folder.string(), "has no chat template",
                "chat_template.jinja, or the key \"chat_template\" in tokenizer_config.json",
                "add one of them, or use prompts that need no template");
  }
  return ChatTemplate(std::make_shared<State const>(State{jinja::parse(source, name), std::move(tokens)}));
}

std::string ChatTemplate::render(std::span<Message const> messages, RenderOptions const& options) const {
  ordered_json variables = {{"messages", ordered_json::array()},
                            {"tools", nullptr},
                            {"documents", nullptr},
                            {"add_generation_prompt", options.add_generation_prompt}};
  for (auto const& message : messages) {
    variables["messages"].push_back({{"role", message.role}, {"content", message.content}});
  }
  if (options.variables) {
    if (!options.variables->is_object())
      throw Error(state_->parsed->name, "RenderOptions::variables is no JSON object");
    for (auto const& [key, value] : options.variables->items()) variables[key] = value;
  }
  return render(variables, options);
}

std::string ChatTemplate::render(ordered_json const& variables, RenderOptions const& options) const {
  if (!variables.is_object()) throw Error(state_->parsed->name, "the variables are no JSON object");
  ordered_json const* const layers[] = {&state_->tokens, &variables};
  return jinja::render(*state_->parsed, layers, options.now.value_or(std::chrono::system_clock::now()), options.work);
}

}  // namespace grove::text
