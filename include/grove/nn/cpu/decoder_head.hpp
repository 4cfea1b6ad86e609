// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/decoder_workspace.hpp"

namespace grove::nn::cpu::detail {

/// The final norm and the vocabulary projection of the wanted rows. Logits of `[tokens, vocab]` never exist: scoring
/// holds those of a tile of rows, training those of a chunk.
class HeadPass {
 public:
  HeadPass(Layout const& layout, Weights const& weights, Workspace& workspace, HeadRows rows)
      : layout_(layout),
        weights_(weights),
        memory_(workspace.buffers()),
        pool_(workspace.pool()),
        logits_(workspace.options().logits),
        rows_(rows) {}

  /// From hidden states `[tokens, hidden]` to the wanted outputs; with `keep` also what `backward` needs.
  void forward(float const* x, HeadOutputs outputs, bool keep);

  /// Adds to the gradients of head and final norm (unless `values` is empty), and to the wanted rows of
  /// dx `[tokens, hidden]`. `entropy` as forward gave it.
  void backward(std::span<float const> entropy, HeadGradients gradients, float* dx, Offsets const& offsets,
                std::span<float> values);

  /// Rows whose logits are held at a time. Where that is all of them, `backward` has those of `forward`.
  [[nodiscard]] std::size_t chunk_rows() const noexcept;

 private:
  struct Range {
    std::size_t begin;
    std::size_t count;
  };
  [[nodiscard]] std::size_t tile_rows() const noexcept;
  [[nodiscard]] Range tile(Range of, std::size_t index) const noexcept;
  [[nodiscard]] bool keeps_logits() const noexcept;

  void forward_tile(float const* x, HeadOutputs outputs, bool keep, Range range);
  void project(float const* normed, std::size_t rows, float* logits) const;
  void read_outputs(float const* logits, HeadOutputs outputs, bool keep, Range range) const;
  void logits_gradient(Range range, std::span<float const> entropy, HeadGradients gradients, float* logits) const;
  void backward_tile(Range range, std::span<float const> entropy, HeadGradients gradients, float* logits);

  Layout const& layout_;
  Weights const& weights_;
  Workspace::Buffers& memory_;
  ThreadPool& pool_;
  std::size_t logits_;  // most that are held at a time
  HeadRows rows_;
};

}  // namespace grove::nn::cpu::detail
