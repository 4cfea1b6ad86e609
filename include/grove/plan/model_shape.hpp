// SPDX-License-Identifier: Apache-2.0
// The sizes of a decoder and what follows from them: parameters, bytes of a token in the KV cache, operations.
#pragma once

#include <cstddef>

namespace grove::plan {

/// Default: DeepSeek-R1-Distill-Qwen-1.5B.
struct ModelShape {
  std::size_t layers = 28;
  std::size_t hidden = 1536;
  std::size_t intermediate = 8960;
  std::size_t heads = 12;
  std::size_t kv_heads = 2;
  std::size_t head_dim = 128;
  std::size_t vocabulary = 151936;
  bool tied_embeddings = false;
  bool qkv_bias = true;

  double embedding() const { return static_cast<double>(vocabulary * hidden); }

  /// All parameters of one layer.
  double layer() const {
    auto const q = heads * head_dim, kv = kv_heads * head_dim;
    auto const attention = hidden * (q + 2 * kv) + q * hidden + (qkv_bias ? q + 2 * kv : 0);
    return static_cast<double>(attention + 3 * hidden * intermediate + 2 * hidden);
  }

  double parameters() const {
    return static_cast<double>(layers) * layer() + static_cast<double>(hidden) +
           embedding() * (tied_embeddings ? 1 : 2);
  }

  /// Parameters that multiply each token: all but the table that input tokens are looked up in.
  double multiplied() const { return parameters() - (tied_embeddings ? 0 : embedding()); }

  /// Bytes that one token takes in the KV cache.
  double kv_bytes(double bytes_per_value = 2) const {
    return 2 * static_cast<double>(layers * kv_heads * head_dim) * bytes_per_value;
  }

  /// Floating-point operations of the forward pass over sequences of `length` tokens, a token: two for each parameter,
  /// and attention over half the sequence on average.
  double forward_operations(double length) const {
    return 2 * multiplied() + 4 * static_cast<double>(layers * heads * head_dim) * length / 2;
  }

  /// Bytes of what a layer's forward pass leaves for its backward pass, a token, in values of two bytes: normed inputs,
  /// queries, keys, values, attention's output, both halves of the MLP and their product.
  double layer_activation_bytes() const {
    auto const attention = (2 * heads + 2 * kv_heads) * head_dim;
    return 2 * static_cast<double>(3 * hidden + attention + 3 * intermediate);
  }
};

/// The shape of a model by its `io::ModelConfig`; a template, so that plans need nothing that reads files.
template <class Config>
ModelShape shape_of(Config const& config) {
  return {.layers = config.layers,
          .hidden = config.hidden_size,
          .intermediate = config.intermediate_size,
          .heads = config.heads,
          .kv_heads = config.kv_heads,
          .head_dim = config.head_dim,
          .vocabulary = config.vocab_size,
          .tied_embeddings = config.tie_word_embeddings,
          .qkv_bias = config.qkv_bias};
}

}  // namespace grove::plan
