// SPDX-License-Identifier: Apache-2.0
// A random Qwen2 of a few thousand weights, with a small real tokenizer: enough for everything but learning.
#pragma once

#include <filesystem>
#include <string>

#include "grove/policy/causal_lm.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "grove/rollout/prompt_format.hpp"

namespace tiny {

inline std::filesystem::path tokenizer_folder() {
  return std::filesystem::path(GROVE_TEST_DATA) / "tokenizer" / "qwen2";
}

inline grove::PromptFormat format() {
  return grove::PromptFormat(grove::text::Tokenizer::load(tokenizer_folder()), std::nullopt);
}

inline grove::io::ModelConfig config() {
  grove::io::ModelConfig config;
  config.architecture = grove::io::Architecture::Qwen2;
  config.vocab_size = format().tokenizer().vocab_size();
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.layers = 2;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 16;
  config.max_position_embeddings = 128;
  config.tie_word_embeddings = true;
  config.qkv_bias = true;
  config.windows.resize(config.layers);
  return config;
}

inline grove::nn::cpu::Parameters parameters(std::uint64_t seed = 5) {
  grove::nn::cpu::Parameters parameters(config());
  parameters.initialise(seed);
  for (float& x : parameters["model.embed_tokens.weight"]) x *= 8;  // far from flat distributions
  return parameters;
}

inline grove::AnyCausalLm policy(grove::CausalLmOptions options = {.threads = 1}, std::uint64_t seed = 5) {
  return grove::AnyCausalLm(grove::CausalLm<grove::nn::cpu::Qwen2>(parameters(seed), options));
}

/// The same on LibTorch's tensors.
inline grove::AnyCausalLm on_tensors(grove::Dtype dtype = grove::Dtype::F32) {
  return grove::AnyCausalLm(
      grove::CausalLm<grove::nn::Qwen2, grove::TorchEngine>(parameters(), {.dtype = dtype, .threads = 1}));
}

inline grove::Problem problem(std::uint64_t draw) {
  grove::Problem p;
  p.id = draw;
  p.prompt = "question " + std::to_string(draw * 37 % 101) + "?";
  p.gold = "7";
  return p;
}

inline grove::GroupSampler sampler(grove::GroupSamplerOptions options = {.problems = 4, .group = 4, .max_tokens = 12}) {
  return grove::GroupSampler(problem, format(), std::move(options));
}

/// Pays for even tokens, so that groups differ.
struct EvenTokens {
  static constexpr std::string_view name = "even_tokens";
  double operator()(grove::Problem const&, grove::Completion const& completion) const {
    double even = 0;
    for (auto token : completion.tokens) even += token % 2 == 0;
    return even;
  }
};

}  // namespace tiny
