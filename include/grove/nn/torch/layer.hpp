// SPDX-License-Identifier: Apache-2.0
// One layer of a decoder in ATen operations.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/io/model_config.hpp"
#include "grove/nn/cpu/decoder_layout.hpp"
#include "grove/nn/decoder_types.hpp"
#include "grove/nn/torch/adapters.hpp"
#include "grove/nn/torch/weights.hpp"

namespace grove::nn::torch::detail {

/// Cosines and sines of rows, `[rows, 1, head_dim / 2]`, f32.
struct Angles {
  at::Tensor cosine, sine;
};

/// The same angles as the CPU engine's, to the bit.
Angles angles_of(cpu::detail::Rotary const& rotary, std::span<std::size_t const> positions, at::Device device);

/// Queries `[rows, heads, head_dim]`, keys and values `[rows, kv_heads, head_dim]`, normed and rotated.
struct Heads {
  at::Tensor query, key, value;
};

/// Attention of a sequence's last rows, `[rows, heads, head_dim]`, over all of its `[kv_heads, tokens, head_dim]`:
/// query i sees key j when i - window < j <= i (a window of 0: all up to itself). `[rows, heads * head_dim]`.
at::Tensor attend_sequence(at::Tensor const& query, at::Tensor const& keys, at::Tensor const& values,
                           std::size_t window);

/// x * weight / root mean square of the last dimension.
at::Tensor rms_norm(at::Tensor const& x, Weight const& weight, io::ModelConfig const& config);

/// `Variant` says at compile time whether queries and keys have norms and which projections may have biases.
template <class Variant>
class Layer {
 public:
  /// With adapters (null: without) derivatives are theirs, and the weights have none.
  Layer(io::ModelConfig const& config, LayerWeights const& weights, LayerAdapters const* adapters, std::size_t index);

  /// From the layer's input `[rows, hidden]`.
  [[nodiscard]] Heads project(at::Tensor const& x, Angles const& angles) const;
  /// Causal attention within each sequence: `[rows, heads * head_dim]`.
  [[nodiscard]] at::Tensor attend(Heads const& heads, std::span<std::size_t const> cu_seqlens) const;
  /// From the layer's input and its attention to its output.
  [[nodiscard]] at::Tensor finish(at::Tensor const& x, at::Tensor const& attention) const;

  [[nodiscard]] at::Tensor operator()(at::Tensor const& x, Angles const& angles,
                                      std::span<std::size_t const> cu_seqlens) const {
    return finish(x, attend(project(x, angles), cu_seqlens));
  }

  /// How many keys a query sees, itself included; 0: all earlier ones.
  [[nodiscard]] std::size_t window() const noexcept { return window_; }

 private:
  io::ModelConfig const& config_;
  LayerWeights weights_;
  LayerAdapters const* adapters_;
  std::size_t window_;
};

extern template class Layer<Qwen2>;
extern template class Layer<Qwen3>;
extern template class Layer<Llama>;

}  // namespace grove::nn::torch::detail
