// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "grove/nn/cpu/decoder_forward.hpp"

namespace grove::nn::cpu::detail {

/// Where gradients go: to all weights, or to adapters alone.
struct GradientPlaces {
  Offsets const& offsets;
  std::span<float> weights;         ///< as Parameters::values(); empty: the weights get none
  Adapters* adapters = nullptr;     ///< null: there are none to train
  LayerDone const* done = nullptr;  ///< null: nobody wants to know
};

/// All layers backwards, after a ForwardPass that kept activations or inputs. Gradients of activations go by tiles of
/// rows and (attention) by sequences; those of weights are sums over all rows in order, so threads never change them.
template <class Variant>
class BackwardPass {
 public:
  BackwardPass(Layout const& layout, Weights const& weights, PackedAdapters const& adapters, Workspace& workspace,
               ForwardPass<Variant> const& forward, PackedBatch batch, GradientPlaces const& to);

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

  /// What a projection's backward pass reads, whole columns of rows: its input, and its output's gradient.
  struct Ends {
    float const* x;
    std::size_t in;
    float const* dy;
    std::size_t out;
    std::size_t ldy;
  };
  [[nodiscard]] Ends ends(std::size_t layer, Projection projection) const;
  void adapt_back(std::size_t layer, Projection projection, std::size_t tile, float* dx);
  void adapter_state(std::size_t layer, Projection projection, std::size_t tile);
  void adapter_gradients(std::size_t layer);
  [[nodiscard]] float* low(FloatBuffer const& buffer, Projection projection, std::size_t row) const {
    return buffer.data() + (static_cast<std::size_t>(projection) * rows_ + row) * adapters_.rank;
  }

  Layout const& layout_;
  Weights const& weights_;
  PackedAdapters const& adapters_;
  Workspace::Buffers& memory_;
  ThreadPool& pool_;
  ForwardPass<Variant> const& forward_;
  PackedBatch batch_;
  GradientPlaces const& to_;
  std::size_t rows_;
  RowOps const& ops_;
};

}  // namespace grove::nn::cpu::detail
