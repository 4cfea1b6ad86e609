// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/prompt_format.hpp"

#include <nlohmann/json.hpp>

#include "grove/error.hpp"
#include "grove/io/json.hpp"

namespace grove {

namespace {

bool has_template_file(std::filesystem::path const& folder) {
  if (std::filesystem::exists(folder / "chat_template.jinja")) return true;
  auto const config = folder / "tokenizer_config.json";
  return std::filesystem::exists(config) && io::read_json_file(config.string()).contains("chat_template");
}

}  // namespace

PromptFormat PromptFormat::load(std::filesystem::path const& folder) {
  auto tokenizer = text::Tokenizer::load(folder);
  if (!has_template_file(folder)) return {std::move(tokenizer), std::nullopt};
  return {std::move(tokenizer), text::ChatTemplate::load(folder)};
}

PromptFormat::PromptFormat(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat_template)
    : tokenizer_(std::make_shared<text::Tokenizer const>(std::move(tokenizer))) {
  if (chat_template) template_ = std::make_shared<text::ChatTemplate const>(std::move(*chat_template));
}

std::string PromptFormat::text(Problem const& problem) const {
  if (problem.messages.empty()) return problem.prompt;
  if (!template_)
    throw Error("problem " + std::to_string(problem.id), "has messages, but the model's folder has no chat template",
                "chat_template.jinja, or chat_template in tokenizer_config.json", "add one, or give plain prompts");
  return template_->render(problem.messages);
}

std::vector<TokenId> PromptFormat::tokens(Problem const& problem, text::EncodeOptions options) const {
  auto ids = tokenizer_->encode(text(problem), options);
  if (ids.empty()) throw Error("problem " + std::to_string(problem.id), "the prompt is empty", "at least one token");
  return ids;
}

}  // namespace grove
