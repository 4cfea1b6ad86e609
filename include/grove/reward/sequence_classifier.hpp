// SPDX-License-Identifier: Apache-2.0
// A reward model: a transformer that gives one number to a sequence of tokens. Needs the library grove::cpu.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "grove/token_id.hpp"

namespace grove {

struct SequenceClassifierOptions {
  std::size_t threads = std::thread::hardware_concurrency();  ///< never changes a score
  std::size_t forward_tokens = 8192;                          ///< in one forward pass; never changes a score
};

/// `Qwen2ForSequenceClassification`, `Qwen3ForSequenceClassification` or `LlamaForSequenceClassification` with one
/// label, out of a Hugging Face folder, in f32 on the CPU: the weights of its head times the state of the last token.
/// As in transformers, padding tokens at the end are not looked at, if config.json names one.
class SequenceClassifier {
 public:
  /// Throws Error that names the file and the key or tensor at fault.
  static SequenceClassifier load(std::filesystem::path const& folder, SequenceClassifierOptions options = {});

  /// One score a sequence. Any thread may call; calls wait for each other. Throws Error for an empty sequence, one
  /// longer than the model's context, and a token outside the vocabulary.
  std::vector<float> scores(std::span<std::vector<TokenId> const> sequences) const;

  std::size_t max_tokens() const;

 private:
  struct Model;
  explicit SequenceClassifier(std::shared_ptr<Model const> model);

  std::shared_ptr<Model const> model_;
};

}  // namespace grove
