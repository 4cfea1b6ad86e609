// SPDX-License-Identifier: Apache-2.0
// Resident memory of generation on the CPU engine: within a bound of keys and values whatever is asked for, and long
// prompts without activations of their length.
#include <malloc.h>

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "grove/policy/causal_lm.hpp"
#include "grove/profile/profile.hpp"
#include "support/catch.hpp"

namespace {

namespace cpu = grove::nn::cpu;
using grove::TokenId;

struct Shape {
  std::size_t hidden, intermediate, layers, heads, context;

  [[nodiscard]] double token_bytes() const { return 2 * 4 * 64 * static_cast<double>(layers * heads); }
};

grove::io::ModelConfig config_of(Shape const& shape) {
  grove::io::ModelConfig config;
  config.architecture = grove::io::Architecture::Qwen2;
  config.vocab_size = 128;
  config.hidden_size = shape.hidden;
  config.intermediate_size = shape.intermediate;
  config.layers = shape.layers;
  config.heads = shape.heads;
  config.kv_heads = shape.heads;
  config.head_dim = 64;
  config.max_position_embeddings = shape.context;
  config.tie_word_embeddings = true;
  config.qkv_bias = true;
  config.windows.resize(config.layers);
  return config;
}

struct Result {
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::pair<std::vector<TokenId>, std::vector<float>>> completions;
  double bytes = 0;  ///< resident beyond what was there
};

/// With a model of its own: what one call leaves to the next is not there.
Result generate(Shape const& shape, std::span<cpu::GenerationRequest const> requests,
                cpu::GenerationOptions const& options) {
  Result result;
  auto const policy = grove::AnyCausalLm::random(config_of(shape), 3, {.threads = 2});
  ::malloc_trim(0);
  grove::take_peak_memory();
  double const before = grove::take_peak_memory();
  policy.generate(requests, options, [&](cpu::GeneratedCompletion&& g) {
    result.completions[{g.id, g.sample}] = {std::move(g.completion.tokens), std::move(g.completion.log_probs)};
  });
  result.bytes = grove::take_peak_memory() - before;
  return result;
}

}  // namespace

TEST_CASE("generation within kv_cache_bytes holds so much and gives the same bits") {
  Shape const shape{.hidden = 64, .intermediate = 64, .layers = 4, .heads = 8, .context = 1024};
  std::vector<std::vector<TokenId>> prompts(6);
  std::vector<cpu::GenerationRequest> requests;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    for (std::size_t k = 0; k < 40 + 9 * i; ++k) prompts[i].push_back(static_cast<TokenId>((7 * k + i) % 128));
    requests.push_back({.id = i, .prompt = prompts[i], .samples = 8});
  }
  cpu::GenerationOptions options{.max_tokens = 400, .stop_tokens = {5}, .key = {.seed = 2}};
  auto const free = generate(shape, requests, options);
  double const bound = 20e6;
  options.kv_cache_bytes = static_cast<std::size_t>(bound);
  auto const bounded = generate(shape, requests, options);
  double tokens = 0;
  for (auto const& [place, completion] : free.completions) tokens += static_cast<double>(completion.first.size());
  INFO(free.bytes / 1e6 << " MB without a bound, " << bounded.bytes / 1e6 << " MB within " << bound / 1e6 << ", "
                        << tokens << " tokens of " << free.completions.size() << " completions");
  CHECK(free.completions.size() == 48);
  CHECK(bounded.completions == free.completions);
  CHECK(free.bytes > 2 * bound);
  CHECK(bounded.bytes < bound + 4e6);  // logits, tokens and scratch
  CHECK(bounded.bytes > 0.5 * bound);
}

TEST_CASE("a prompt of 32,768 tokens takes its keys and values and no activations of its length") {
  Shape const shape{.hidden = 256, .intermediate = 1024, .layers = 1, .heads = 2, .context = 40000};
  std::vector<TokenId> prompt(32768);
  for (std::size_t k = 0; k < prompt.size(); ++k) prompt[k] = static_cast<TokenId>((k * k + 7) % 128);
  cpu::GenerationRequest const request{.id = 1, .prompt = prompt};
  auto const result = generate(shape, std::span(&request, 1), {.max_tokens = 1});
  double const cache = shape.token_bytes() * static_cast<double>(prompt.size());
  INFO(result.bytes / 1e6 << " MB, of which keys and values are " << cache / 1e6);
  CHECK(result.bytes > 0.95 * cache);
  CHECK(result.bytes < cache + 40e6);  // the layer's gate and up projections alone would be 268 MB
}
