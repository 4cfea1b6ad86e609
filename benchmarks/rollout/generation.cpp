// SPDX-License-Identifier: Apache-2.0
// Tokens a second of generation, prefill included, also where lengths differ, and the time to sample one token. The
// models are those that shared/oracles/make_model.py makes, with random weights; generation_peers.py sets transformers
// beside it.
#include "grove/nn/cpu/generation.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/sampling.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/random.hpp"

namespace {

using namespace grove::nn::cpu;
using grove::TokenId;

struct Shape {
  std::size_t hidden, layers, heads, kv_heads, intermediate;
};
constexpr Shape tiny{128, 4, 4, 2, 384};
constexpr Shape mid{512, 8, 8, 2, 1536};

grove::io::ModelConfig config_of(Shape const& shape, std::size_t context = 2048) {
  grove::io::ModelConfig config;
  config.vocab_size = 276;
  config.hidden_size = shape.hidden;
  config.intermediate_size = shape.intermediate;
  config.layers = shape.layers;
  config.heads = shape.heads;
  config.kv_heads = shape.kv_heads;
  config.head_dim = shape.hidden / shape.heads;
  config.max_position_embeddings = context;
  config.tie_word_embeddings = true;
  config.qkv_bias = true;
  config.windows.resize(config.layers);
  return config;
}

/// A model with random weights, and what generates with it.
struct RandomModel {
  ThreadPool pool;
  Parameters parameters;
  Decoder<Qwen2> decoder;
  Generator<Qwen2> generator{decoder, pool};

  RandomModel(grove::io::ModelConfig const& config, std::size_t threads)
      : pool(threads), parameters(config), decoder(config) {
    parameters.initialise(0);
    decoder.load(parameters, 0, pool, Use::Inference);
  }
};

std::vector<std::vector<TokenId>> distinct_prompts(std::size_t count, std::size_t length) {
  std::vector<std::vector<TokenId>> prompts(count);
  for (std::size_t i = 0; i < count; ++i) {
    grove::RandomSequence random(grove::RandomStream({.seed = 1, .purpose = grove::Purpose::Data}), i);
    for (std::size_t j = 0; j < length; ++j) prompts[i].push_back(static_cast<TokenId>(3 + random.below(273)));
  }
  return prompts;
}

// Arguments: sequences, tokens of each completion, samples a prompt, threads.
void generate(benchmark::State& state, Shape const& shape) {
  auto const sequences = static_cast<std::size_t>(state.range(0));
  auto const tokens = static_cast<std::size_t>(state.range(1));
  auto const samples = static_cast<std::uint32_t>(state.range(2));
  RandomModel model(config_of(shape), static_cast<std::size_t>(state.range(3)));
  auto const prompts = distinct_prompts(sequences / samples, 16);
  std::vector<GenerationRequest> requests;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    requests.push_back({.id = i, .prompt = prompts[i], .samples = samples});
  }
  std::size_t produced = 0;
  for (auto _ : state) {
    model.generator.generate(requests, {.max_tokens = tokens},
                             [&](GeneratedCompletion&& done) { produced += done.completion.tokens.size(); });
  }
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(produced), benchmark::Counter::kIsRate);
}

/// Geometric lengths of mean 256, cut at 2,048. ragged_peers.py draws the same: the generator is ISO C's example of
/// one.
std::vector<std::size_t> ragged_lengths(std::size_t count) {
  std::vector<std::size_t> lengths(count);
  std::uint32_t state = 0;
  for (auto& length : lengths) {
    state = (1103515245U * state + 12345U) & 0x7fffffffU;
    double const u = (state + 0.5) / 2147483648.0;
    length = std::min<std::size_t>(2048, 1 + static_cast<std::size_t>(std::log1p(-u) / std::log1p(-1.0 / 256)));
  }
  return lengths;
}

// Arguments: sequences, sequences of a static batch, threads. As one call (0) a slot is filled again when its sequence
// ends; in static batches all decode until the longest is done, and what goes beyond a sequence's length counts for
// nothing.
void ragged(benchmark::State& state) {
  auto const sequences = static_cast<std::size_t>(state.range(0));
  auto const batch = static_cast<std::size_t>(state.range(1));
  RandomModel model(config_of(tiny, 4096), static_cast<std::size_t>(state.range(2)));
  auto const prompts = distinct_prompts(sequences, 16);
  auto const lengths = ragged_lengths(sequences);
  std::vector<GenerationRequest> requests;
  for (std::size_t i = 0; i < sequences; ++i)
    requests.push_back({.id = i, .prompt = prompts[i], .max_tokens = lengths[i]});
  std::size_t const together = batch == 0 ? sequences : batch;
  for (std::size_t first = 0; batch != 0 && first < sequences; first += together) {
    auto const part = std::span(requests).subspan(first, std::min(together, sequences - first));
    auto const longest = std::ranges::max(part, {}, &GenerationRequest::max_tokens).max_tokens;
    for (auto& request : part) request.max_tokens = longest;
  }
  for (auto _ : state) {
    for (std::size_t first = 0; first < sequences; first += together)
      model.generator.generate(std::span(requests).subspan(first, std::min(together, sequences - first)),
                               {.max_tokens = 2048}, [](GeneratedCompletion&&) {});
  }
  auto const wanted = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(wanted), benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: tokens that all prompts begin with, tokens of each prompt, threads. 64 prompts, 32 tokens each.
void prompts(benchmark::State& state) {
  auto const shared = static_cast<std::size_t>(state.range(0));
  RandomModel model(config_of(tiny), static_cast<std::size_t>(state.range(2)));
  auto prompts = distinct_prompts(64, static_cast<std::size_t>(state.range(1)));
  std::vector<GenerationRequest> requests;
  for (auto& prompt : prompts) {
    std::copy_n(prompts.front().begin(), shared, prompt.begin());
    requests.push_back({.id = requests.size(), .prompt = prompt});
  }
  for (auto _ : state) model.generator.generate(requests, {.max_tokens = 32}, [](GeneratedCompletion&&) {});
}

// Arguments: sequences, percent of the memory that a call without a bound takes at most, threads.
void bounded(benchmark::State& state) {
  auto const sequences = static_cast<std::size_t>(state.range(0));
  RandomModel model(config_of(mid, 4096), static_cast<std::size_t>(state.range(2)));
  auto const prompts = distinct_prompts(sequences, 16);
  auto const lengths = ragged_lengths(sequences);
  std::vector<GenerationRequest> requests;
  std::size_t pages = 0;
  for (std::size_t i = 0; i < sequences; ++i) {
    requests.push_back({.id = i, .prompt = prompts[i], .max_tokens = lengths[i]});
    pages += KvShape::pages(16 + lengths[i]);
  }
  GenerationOptions const options{.max_tokens = 2048,
                                  .kv_cache_bytes = pages * model.decoder.layout().kv.page_bytes() *
                                                    static_cast<std::size_t>(state.range(1)) / 100};
  for (auto _ : state) model.generator.generate(requests, options, [](GeneratedCompletion&&) {});
  auto const wanted = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(wanted), benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: vocabulary, top-k, top-p in percent.
void sample(benchmark::State& state) {
  grove::RandomSequence random(grove::RandomStream({.seed = 1}));
  std::vector<float> logits(static_cast<std::size_t>(state.range(0)));
  for (float& x : logits) x = static_cast<float>(3 * random.normal());
  TokenSampler sampler(
      {.top_k = static_cast<std::uint32_t>(state.range(1)), .top_p = static_cast<double>(state.range(2)) / 100});
  for (auto _ : state) benchmark::DoNotOptimize(sampler(logits, random.uniform()));
}

BENCHMARK_CAPTURE(generate, tiny, tiny)
    ->ArgNames({"sequences", "tokens", "samples", "threads"})
    ->Args({256, 128, 1, 2})
    ->Args({256, 128, 8, 2})
    ->Args({256, 128, 1, 1})
    ->Args({8, 128, 1, 2})
    ->Args({1, 128, 1, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(generate, mid, mid)
    ->ArgNames({"sequences", "tokens", "samples", "threads"})
    ->Args({64, 128, 1, 2})
    ->Args({64, 128, 8, 2})
    ->Args({8, 128, 1, 2})
    ->Args({1, 128, 1, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(ragged)
    ->ArgNames({"sequences", "static_batch", "threads"})
    ->Args({512, 0, 2})
    ->Args({512, 64, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(prompts)
    ->ArgNames({"shared", "prompt", "threads"})
    ->Args({0, 528, 2})
    ->Args({512, 528, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(bounded)
    ->ArgNames({"sequences", "percent", "threads"})
    ->Args({64, 0, 2})
    ->Args({64, 50, 2})
    ->Args({64, 25, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(sample)
    ->ArgNames({"vocabulary", "top_k", "top_p"})
    ->Args({276, 0, 100})
    ->Args({151936, 0, 100})
    ->Args({151936, 50, 100})
    ->Args({151936, 0, 95})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
