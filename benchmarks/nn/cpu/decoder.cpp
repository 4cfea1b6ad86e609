// SPDX-License-Identifier: Apache-2.0
// Decoding, scoring and training of the two common models (shared oracles: make_model.py), tokens a second and GFLOP/s
// of the matrix products. The last argument is the number of threads.
#include "grove/nn/cpu/decoder.hpp"

#include <benchmark/benchmark.h>

#include <optional>
#include <thread>
#include <vector>

#include "grove/nn/cpu/decoder_session.hpp"

namespace {

using namespace grove;
using namespace grove::nn::cpu;

io::ModelConfig model(std::size_t hidden, std::size_t layers, std::size_t heads, std::size_t intermediate) {
  io::ModelConfig config;
  config.vocab_size = 515;
  config.hidden_size = hidden;
  config.intermediate_size = intermediate;
  config.layers = layers;
  config.heads = heads;
  config.kv_heads = 2;
  config.head_dim = hidden / heads;
  config.max_position_embeddings = 2048;
  config.qkv_bias = true;
  config.tie_word_embeddings = true;
  config.windows.assign(layers, std::nullopt);
  return config;
}
io::ModelConfig tiny() { return model(128, 4, 4, 384); }
io::ModelConfig mid() { return model(512, 8, 8, 1536); }

struct Engine {
  Engine(io::ModelConfig const& config, std::size_t threads) : pool(threads), decoder(config) {
    Parameters parameters(config);
    parameters.initialise(1);
    weights = parameters.values().size();
    decoder.load(parameters, 1, pool);
  }
  ThreadPool pool;
  Decoder<Qwen2> decoder;
  std::size_t weights = 0;
};

struct Batch {
  Batch(std::size_t sequences, std::size_t length) {
    for (std::size_t s = 0; s < sequences; ++s) {
      for (std::size_t i = 0; i < length; ++i) {
        tokens.push_back(static_cast<TokenId>((s * length + i) * 7919 % 515));
        if (i + 1 < length) rows.push_back(s * length + i);
      }
      starts.push_back(tokens.size());
    }
    for (std::size_t row : rows) targets.push_back(tokens[row + 1]);
  }
  std::vector<TokenId> tokens, targets;
  std::vector<std::size_t> starts{0}, rows;
};

void report(benchmark::State& state, double tokens, double multiply_adds) {
  state.counters["tokens/s"] = benchmark::Counter(tokens, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * tokens * multiply_adds, benchmark::Counter::kIsIterationInvariantRate);
}

// Prompts of 16 tokens, `steps` tokens each; one session a thread.
void decode_part(Decoder<Qwen2> const& decoder, std::size_t sequences, std::size_t steps, ThreadPool* pool) {
  DecodeSession<Qwen2> session(decoder, pool);
  Batch const prompts(sequences, 16);
  std::vector<KvCache::Slot> slots(sequences);
  std::vector<float> logits(sequences * decoder.vocab_size());
  session.prefill({.tokens = prompts.tokens, .cu_seqlens = prompts.starts}, slots, logits);
  std::vector<TokenId> next(sequences);
  for (std::size_t step = 0; step + 1 < steps; ++step) {
    for (std::size_t i = 0; i < sequences; ++i) next[i] = static_cast<TokenId>((step * 31 + i * 17) % 515);
    session.step(slots, next, logits);
  }
}

void decode(benchmark::State& state, io::ModelConfig const& config, std::size_t sequences, std::size_t steps) {
  auto const threads = static_cast<std::size_t>(state.range(0));
  Engine engine(config, threads);
  for (auto _ : state) {
    if (sequences < threads * 2) {
      decode_part(engine.decoder, sequences, steps, &engine.pool);
    } else {
      engine.pool.parallel_for(threads,
                               [&](std::size_t) { decode_part(engine.decoder, sequences / threads, steps, nullptr); });
    }
  }
  report(state, static_cast<double>(sequences * steps), static_cast<double>(engine.weights));
}

void score(benchmark::State& state, io::ModelConfig const& config, std::size_t sequences, std::size_t length) {
  Engine engine(config, static_cast<std::size_t>(state.range(0)));
  Workspace workspace(engine.pool);
  Batch const batch(sequences, length);
  std::vector<float> log_probs(batch.rows.size());
  for (auto _ : state) {
    engine.decoder.score({.tokens = batch.tokens, .cu_seqlens = batch.starts},
                         {.rows = batch.rows, .targets = batch.targets}, {.log_prob = log_probs}, workspace);
  }
  report(state, static_cast<double>(batch.tokens.size()), static_cast<double>(engine.weights));
}

void accumulate(benchmark::State& state, io::ModelConfig const& config, std::size_t sequences, std::size_t length) {
  Engine engine(config, static_cast<std::size_t>(state.range(0)));
  Workspace workspace(engine.pool);
  Batch const batch(sequences, length);
  Parameters gradients(config);
  auto const f = [](HeadOutputs const& outputs, HeadGradients const& given) {
    for (std::size_t i = 0; i < outputs.log_prob.size(); ++i) given.log_prob[i] = 1e-3F;
  };
  for (auto _ : state) {
    engine.decoder.accumulate({.tokens = batch.tokens, .cu_seqlens = batch.starts},
                              {.rows = batch.rows, .targets = batch.targets}, {}, f, gradients, workspace);
  }
  report(state, static_cast<double>(batch.tokens.size()), 3 * static_cast<double>(engine.weights));
}

void load(benchmark::State& state, io::ModelConfig const& config) {
  Engine engine(config, static_cast<std::size_t>(state.range(0)));
  Parameters parameters(config);
  parameters.initialise(1);
  std::uint64_t version = 0;
  for (auto _ : state) engine.decoder.load(parameters, ++version, engine.pool);
}

BENCHMARK_CAPTURE(decode, tiny_256x128, tiny(), 256, 128)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, mid_64x128, mid(), 64, 128)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, mid_1x128, mid(), 1, 128)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(score, tiny_256x90, tiny(), 256, 90)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(score, mid_16x90, mid(), 16, 90)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(accumulate, tiny_64x90, tiny(), 64, 90)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(accumulate, mid_16x90, mid(), 16, 90)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load, mid, mid())->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
