// SPDX-License-Identifier: Apache-2.0
// Models and batches that the decoder's tests share.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "grove/io/model_config.hpp"
#include "grove/io/weight_folder.hpp"
#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/decoder_session.hpp"
#include "grove/random.hpp"

namespace grove::nn::cpu::test {

/// A small model of a variant: grouped queries, an odd head size, a sliding window in every other layer.
template <class Variant>
io::ModelConfig small_config(bool tied = false) {
  io::ModelConfig config;
  config.architecture = Variant::qk_norm    ? io::Architecture::Qwen3
                        : Variant::qkv_bias ? io::Architecture::Qwen2
                                            : io::Architecture::Llama;
  config.vocab_size = 67;
  config.hidden_size = 40;
  config.intermediate_size = 56;
  config.layers = 3;
  config.heads = 6;
  config.kv_heads = 2;
  config.head_dim = 12;
  config.max_position_embeddings = 512;
  config.qkv_bias = Variant::qkv_bias;
  config.qk_norm = Variant::qk_norm;
  config.tie_word_embeddings = tied;
  config.windows = {std::nullopt, 9, std::nullopt};
  return config;
}

/// Weights wide enough that softmaxes are far from uniform; norms and biases random, too.
inline Parameters random_parameters(io::ModelConfig const& config, std::uint64_t seed = 1) {
  Parameters parameters(config);
  RandomSequence random(RandomStream({.seed = seed, .purpose = Purpose::Initialization}));
  for (auto const& entry : parameters.entries()) {
    bool const norm = entry.name.find("norm") != std::string::npos;
    for (float& x : parameters[entry.name]) {
      x = static_cast<float>((norm ? 1.0 : 0.0) + (entry.shape.size() == 1 ? 0.1 : 0.25) * random.normal());
    }
  }
  return parameters;
}

/// Sequences with random tokens; every token but the last of a sequence predicts the next.
struct Batch {
  std::vector<TokenId> tokens;
  std::vector<std::size_t> starts{0};
  std::vector<std::size_t> rows;
  std::vector<TokenId> targets;

  void add(std::vector<TokenId> const& sequence) {
    for (std::size_t i = 0; i + 1 < sequence.size(); ++i) {
      rows.push_back(tokens.size() + i);
      targets.push_back(sequence[i + 1]);
    }
    tokens.insert(tokens.end(), sequence.begin(), sequence.end());
    starts.push_back(tokens.size());
  }
  [[nodiscard]] std::vector<TokenId> sequence(std::size_t i) const {
    return {tokens.begin() + static_cast<std::ptrdiff_t>(starts[i]),
            tokens.begin() + static_cast<std::ptrdiff_t>(starts[i + 1])};
  }
  [[nodiscard]] PackedBatch packed() const { return {.tokens = tokens, .cu_seqlens = starts}; }
  [[nodiscard]] HeadRows head(float temperature = 1) const {
    return {.rows = rows, .targets = targets, .temperature = temperature};
  }
};

/// `count` sequences of 1 to `longest` tokens.
inline Batch random_batch(std::size_t count, std::size_t longest, std::size_t vocab, std::uint64_t seed = 2) {
  RandomSequence random(RandomStream({.seed = seed}));
  Batch batch;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<TokenId> sequence(1 + random.below(static_cast<std::uint32_t>(longest)));
    for (TokenId& token : sequence) token = static_cast<TokenId>(random.below(static_cast<std::uint32_t>(vocab)));
    batch.add(sequence);
  }
  return batch;
}

/// All outputs of all rows.
struct Scores {
  std::vector<float> log_prob, entropy, sum_squares, hidden;
  bool operator==(Scores const&) const = default;
};

template <class Variant>
Scores score(Decoder<Variant> const& decoder, Batch const& batch, Workspace& workspace, float temperature = 1) {
  std::size_t const n = batch.rows.size();
  Scores scores{std::vector<float>(n), std::vector<float>(n), std::vector<float>(n),
                std::vector<float>(n * decoder.config().hidden_size)};
  decoder.score(batch.packed(), batch.head(temperature),
                {scores.log_prob, scores.entropy, scores.sum_squares, scores.hidden}, workspace);
  return scores;
}

/// A scalar that depends on every output; its gradients.
inline void fill_gradients(HeadOutputs const& outputs, HeadGradients const& gradients) {
  for (std::size_t i = 0; i < outputs.log_prob.size(); ++i) {
    double const row = static_cast<double>(i + 1);
    gradients.log_prob[i] = static_cast<float>(std::sin(row));
    if (!gradients.entropy.empty()) gradients.entropy[i] = static_cast<float>(0.1 * std::cos(row));
  }
  for (std::size_t i = 0; i < gradients.hidden.size(); ++i)
    gradients.hidden[i] = static_cast<float>(0.01 * std::sin(0.1 * static_cast<double>(i)));
}

}  // namespace grove::nn::cpu::test
