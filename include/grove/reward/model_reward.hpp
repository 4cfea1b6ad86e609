// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/reward/sequence_classifier.hpp"

namespace grove {

/// How a reward model sees a problem and a completion: the tokens of the conversation, by its own tokenizer.
using ConversationTokens = std::function<std::vector<TokenId>(Problem const&, Completion const&)>;

/// The score that a reward model gives to a completion; declines one that is longer than the model's context.
/// Completions of a problem share forward passes.
class ModelReward {
 public:
  static constexpr std::string_view name = "reward_model";

  /// `format` is called on many threads. Throws Error where it is empty.
  ModelReward(SequenceClassifier model, ConversationTokens format)
      : model_(std::move(model)), format_(std::move(format)) {
    if (!format_) throw Error("ModelReward", "no format is given", "a function that makes tokens of a conversation");
  }

  std::vector<std::optional<double>> operator()(std::span<Problem const* const> problems,
                                                std::span<Completion const* const> completions) const {
    std::vector<std::vector<TokenId>> sequences;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < problems.size(); ++i) {
      auto tokens = format_(*problems[i], *completions[i]);
      if (tokens.empty() || tokens.size() > model_.max_tokens()) continue;
      sequences.push_back(std::move(tokens));
      asked.push_back(i);
    }
    auto const scores = model_.scores(sequences);
    std::vector<std::optional<double>> all(problems.size());
    for (std::size_t i = 0; i < asked.size(); ++i) all[asked[i]] = static_cast<double>(scores[i]);
    return all;
  }

 private:
  SequenceClassifier model_;
  ConversationTokens format_;
};

}  // namespace grove
