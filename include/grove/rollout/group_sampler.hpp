// SPDX-License-Identifier: Apache-2.0
// The rollout of group-relative methods: each step draws some problems and samples G completions of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/dist/share.hpp"
#include "grove/nn/cpu/generation.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/rollout/problem_source.hpp"
#include "grove/rollout/prompt_format.hpp"
#include "grove/rollout/token_trajectories.hpp"

namespace grove {

/// How the sampler's and the trainer's prompts differ, where a recipe wants that; by default they are the same tokens.
struct PromptViews {
  bool second_bos = false;       ///< the sampler's has what the tokenizer adds to a text, before the template's own BOS
  std::size_t train_tokens = 0;  ///< the trainer's is cut to its last tokens; 0: never
};

struct GroupSamplerOptions {
  std::size_t problems = 8;  ///< prompts a step
  std::uint32_t group = 8;   ///< G, completions of each
  nn::cpu::SamplingOptions sampling{};
  std::size_t max_tokens = 512;       ///< of a completion
  std::size_t max_prompt_tokens = 0;  ///< a longer prompt is an error; 0: the model's context decides
  PromptViews views{};
  std::vector<TokenId> stop_tokens{};  ///< besides the EOS ids of the model
  std::vector<std::string> stop_strings{};
  std::uint64_t seed = 0;
  std::size_t batch = 0;           ///< sequences at once; never changes a result
  std::size_t kv_cache_bytes = 0;  ///< most memory for keys and values; 0: no bound; never changes a result on the CPU
  Share share{};                   ///< of the problems, where several ranks divide them
};

/// The text of a completion's tokens, token by token.
std::function<nn::cpu::TextStream()> text_streams(text::Tokenizer const& tokenizer);

class GroupSampler {
 public:
  GroupSampler(ProblemSource source, PromptFormat format, GroupSamplerOptions options);

  /// The next `problems` of the source with `group` completions each, in order.
  TokenTrajectories collect(AnyCausalLm& policy);

  /// One greedy completion of each group's prompt, under the group's id: ReMax's baseline.
  TokenTrajectories collect_greedy(AnyCausalLm& policy, TokenTrajectories const& sampled) const;

  std::size_t group_size() const { return options_.group; }

  /// Collections so far; with the seed, all there is to the sampler's state.
  std::uint64_t collections() const { return collections_; }
  void set_collections(std::uint64_t collections) { collections_ = collections; }
  void state(State& s) {
    s("collections", collections_);
    s.within("source", [&] { source_.state(s); });
  }

  /// Where problems come from; a source that learns is told the results by an observer (see LearnFrom).
  ProblemSource const& source() const { return source_; }

  GroupSamplerOptions const& options() const { return options_; }

 private:
  nn::cpu::GenerationOptions generation(AnyCausalLm const& policy) const;
  /// A sample of the problem with both prompts and nothing else.
  TokenSample prompted(Problem const& problem) const;

  ProblemSource source_;
  PromptFormat format_;
  GroupSamplerOptions options_;
  std::uint64_t collections_ = 0;
};
static_assert(Rollout<GroupSampler, AnyCausalLm>);

}  // namespace grove
