// SPDX-License-Identifier: Apache-2.0
// One decode step of fixed size over pages: the memory that its inputs and intermediate rows have, and what it queues.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "grove/nn/torch/decode_kernels.hpp"
#include "grove/nn/torch/decoder_impl.hpp"
#include "grove/nn/torch/paged_cache.hpp"
#include "grove/nn/torch/step_shape.hpp"

namespace grove::nn::torch::detail {

/// A token of a sequence: where it stands in it, for which there is room.
struct StepRow {
  PagedCache::Slot slot = 0;
  std::size_t index = 0;
  TokenId token = 0;
};

/// How tokens are drawn, and of which stream of random numbers.
struct StepDraws {
  cuda::SamplingRule rule;
  RandomStream random;
};

template <class Variant>
class PagedStep {
 public:
  using Impl = typename Decoder<Variant>::Impl;

  PagedStep(Impl const& model, PagedCache const& cache, DecodeKernels const& kernels, StepShape shape,
            std::optional<StepDraws> const& draws);

  /// A row sees its sequence up to itself, other rows of the step included. `draws` may be empty. Rows beyond are
  /// padding: of length 0, with token 0.
  void fill(std::span<StepRow const> rows, std::span<Draw const> draws);

  /// Does the step as `mode` says.
  void run(StepMode mode);

  /// `[rows, vocab]` f32; of a step of prompts the states after the final norm, `[rows, hidden]`.
  [[nodiscard]] at::Tensor const& result() const noexcept { return result_; }
  /// Of the first `count` rows.
  void read(std::span<cuda::DrawnToken> drawn) const;

 private:
  void queue();
  template <class T>
  void queue_layers();

  Impl const& model_;
  PagedCache const& cache_;
  DecodeKernels const& kernels_;
  StepShape shape_;
  std::optional<StepDraws> draws_;
  at::Tensor inputs_;  // bytes: draws, tokens, positions, lengths, pages
  at::Tensor partial_, drawn_, result_;
  std::unique_ptr<RecordedStep> recorded_;
};

extern template class PagedStep<Qwen2>;
extern template class PagedStep<Qwen3>;
extern template class PagedStep<Llama>;

}  // namespace grove::nn::torch::detail
