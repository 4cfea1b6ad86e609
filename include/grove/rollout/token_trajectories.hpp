// SPDX-License-Identifier: Apache-2.0
// Completions of a language model as the trainer sees them: the packed shape, what the sampler recorded, and the
// tokens.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/episodes.hpp"
#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/reward_matrix.hpp"
#include "grove/token_id.hpp"
#include "grove/update_plan.hpp"

namespace grove {

/// One completion with the context it was sampled in. Sampling and training see the same context unless a recipe says
/// otherwise (a prompt cut for training, say); then they are two views of one prompt.
struct TokenSample {
  std::uint64_t id = 0;                 ///< draw index: the place of the prompt in the sampler's fixed order
  std::uint32_t problem = 0;            ///< index into the batch's problems
  std::uint32_t index = 0;              ///< number within the group
  std::vector<TokenId> prompt;          ///< what the sampler saw
  std::vector<TokenId> train_prompt{};  ///< what the trainer sees; empty: the same
  Completion completion{};

  std::vector<TokenId> const& context() const { return train_prompt.empty() ? prompt : train_prompt; }
};

struct TokenTrajectories {
  Episodes episodes{};
  std::vector<Problem> problems{};
  std::vector<TokenSample> samples{};  ///< [sequences]
  UpdatePlan plan{};                   ///< of a replay that says how its sequences were split; else empty
  RewardMatrix recorded{};             ///< of a replay; else without rewards
  std::vector<std::uint32_t> ranks{};  ///< [sequences] of a replay that says which rank had them; else empty

  /// Appends a sample; `group` tells which samples answer the same problem.
  void add(TokenSample sample, std::uint32_t group) {
    auto const& c = sample.completion;
    if (c.log_probs.size() != c.tokens.size() || c.versions.size() != c.tokens.size())
      throw Error("TokenTrajectories",
                  "a completion of " + std::to_string(c.tokens.size()) + " tokens with " +
                      std::to_string(c.log_probs.size()) + " log-probs and " + std::to_string(c.versions.size()) +
                      " policy versions",
                  "one each a token");
    if (c.finish == Finish::Ended)
      throw Error("TokenTrajectories", "a completion that was ended early", "completions that ended by themselves",
                  "what was cut off is no sample of the policy: leave it out");
    episodes.add(c.tokens.size(), group, c.finish == Finish::Length);
    log_probs_.insert(log_probs_.end(), c.log_probs.begin(), c.log_probs.end());
    versions_.insert(versions_.end(), c.versions.begin(), c.versions.end());
    samples.push_back(std::move(sample));
  }

  /// The chosen sequences with their problems; groups keep their ids.
  TokenTrajectories select(Sequences chosen) const {
    TokenTrajectories part;
    part.problems = problems;
    for (auto s : chosen) part.add(samples[s], episodes.group[s]);
    return part;
  }

  /// Adds another collection's sequences as groups of their own.
  void append(TokenTrajectories const& other) {
    auto const first_problem = static_cast<std::uint32_t>(problems.size());
    std::uint32_t first_group = 0;
    for (auto group : episodes.group) first_group = std::max(first_group, group + 1);
    problems.insert(problems.end(), other.problems.begin(), other.problems.end());
    for (std::size_t s = 0; s < other.samples.size(); ++s) {
      auto sample = other.samples[s];
      sample.problem += first_problem;
      add(std::move(sample), first_group + other.episodes.group[s]);
    }
  }

  Problem const& problem(std::size_t sequence) const { return problems[samples[sequence].problem]; }
  Completion const& completion(std::size_t sequence) const { return samples[sequence].completion; }
  std::span<const float> rollout_log_probs() const { return log_probs_; }
  std::span<const std::uint64_t> policy_versions() const { return versions_; }

 private:
  std::vector<float> log_probs_;         // [tokens]
  std::vector<std::uint64_t> versions_;  // [tokens]
};

}  // namespace grove
