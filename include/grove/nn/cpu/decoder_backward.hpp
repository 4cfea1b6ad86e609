// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "grove/nn/cpu/decoder_forward.hpp"

namespace grove::nn::cpu::detail {

/// All layers backwards, after a ForwardPass that kept its activations. Gradients of activations go by tiles of rows
/// and (attention) by sequences; those of weights are sums over all rows in order, so threads never change them.
template <class Variant>
class BackwardPass {
 public:
  BackwardPass(Layout const& layout, Weights const& weights, Workspace& workspace, ForwardPass<Variant> const& forward,
               PackedBatch batch, Offsets const& offsets, std::span<float> values);

  /// Gradient of the hidden states `[tokens, hidden]`, to be written before `run`.
  [[nodiscard]] float* dx() const noexcept { return memory_.dx.data(); }

  void run();

 private:
  void layer(std::size_t index);
  void mlp_tile(std::size_t layer, std::size_t tile);
  void attend(std::size_t layer);
  void attend_sequence(std::size_t layer, std::size_t sequence, std::size_t head);
  void projection_tile(std::size_t layer, std::size_t tile);
  void turn_heads_back(std::size_t layer, std::size_t row, float* inverse);
  void weight_gradients(std::size_t layer);
  void vector_gradients(std::size_t layer);
  void head_norm_gradients(std::size_t layer);
  void embedding_gradient();

  Layout const& layout_;
  Weights const& weights_;
  Workspace::Buffers& memory_;
  ThreadPool& pool_;
  ForwardPass<Variant> const& forward_;
  PackedBatch batch_;
  Offsets const& offsets_;
  std::span<float> values_;
  std::size_t rows_;
  RowOps const& ops_;
};

}  // namespace grove::nn::cpu::detail
