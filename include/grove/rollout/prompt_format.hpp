// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grove/problem.hpp"
#include "grove/text/chat_template.hpp"
#include "grove/text/tokenizer.hpp"
#include "grove/token_id.hpp"

namespace grove {

/// How a problem becomes the tokens of a prompt: messages go through the model's chat template (with the generation
/// prompt), a plain prompt is taken as it is. The text already holds its special tokens, so none are added, unless a
/// recipe wants the second BOS of a sampler that tokenises the text once more.
class PromptFormat {
 public:
  /// Reads tokenizer and, where the folder has one, chat template.
  static PromptFormat load(std::filesystem::path const& folder);

  PromptFormat(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat_template);

  /// Throws Error where messages meet a model without a template.
  std::string text(Problem const& problem) const;
  std::vector<TokenId> tokens(Problem const& problem, text::EncodeOptions options = {}) const;

  text::Tokenizer const& tokenizer() const { return *tokenizer_; }
  bool has_template() const { return template_ != nullptr; }

 private:
  std::shared_ptr<text::Tokenizer const> tokenizer_;
  std::shared_ptr<text::ChatTemplate const> template_;
};

}  // namespace grove
