// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>

#include "grove/nn/decoder_types.hpp"

namespace grove::nn::torch::detail {

/// The vocabulary projection of normed hidden states, chunk by chunk, so that logits of `[rows, vocab]` never exist.
/// Everything in f32.
class Head {
 public:
  /// normed `[rows, hidden]`, weight `[vocab, hidden]`; at most `logits` logits at a time.
  Head(at::Tensor const& normed, at::Tensor const& weight, HeadRows rows, std::size_t logits);

  /// The wanted outputs.
  void forward(HeadOutputs outputs) const;

  /// From derivatives of the outputs to that of `normed` (returned); adds that of the weight to `weight_gradient`
  /// unless that is undefined.
  [[nodiscard]] at::Tensor backward(HeadGradients gradients, at::Tensor const& weight_gradient) const;

 private:
  [[nodiscard]] at::Tensor logits(std::int64_t begin, std::int64_t count) const;
  [[nodiscard]] at::Tensor rounded(at::Tensor x) const;

  at::Tensor normed_, weight_, targets_;
  std::int64_t chunk_;
  float scale_;
  bool bf16_;
};

}  // namespace grove::nn::torch::detail
