// SPDX-License-Identifier: Apache-2.0
// What a session over pages asks of a device. The library has it for CUDA devices; tests have one that runs the
// kernels' arithmetic on the host.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "grove/cuda/decode_attention.hpp"
#include "grove/cuda/decode_rows.hpp"
#include "grove/cuda/decode_sampling.hpp"

namespace grove::nn::torch {

/// A step that is done again, on what lies at the same addresses then.
class RecordedStep {
 public:
  RecordedStep() = default;
  virtual ~RecordedStep() = default;
  RecordedStep(RecordedStep const&) = delete;
  RecordedStep& operator=(RecordedStep const&) = delete;

  virtual void replay() = 0;
};

class DecodeKernels {
 public:
  DecodeKernels() = default;
  virtual ~DecodeKernels() = default;
  DecodeKernels(DecodeKernels const&) = delete;
  DecodeKernels& operator=(DecodeKernels const&) = delete;

  virtual void attend(cuda::PagedAttention<float> const& in) const = 0;
  virtual void attend(cuda::PagedAttention<cuda::Bf16> const& in) const = 0;
  virtual void add_norm(cuda::AddNorm<float> const& in) const = 0;
  virtual void add_norm(cuda::AddNorm<cuda::Bf16> const& in) const = 0;
  virtual void rotate_and_store(cuda::RotateAndStore<float> const& in) const = 0;
  virtual void rotate_and_store(cuda::RotateAndStore<cuda::Bf16> const& in) const = 0;
  virtual void gated_silu(cuda::GatedSilu<float> const& in) const = 0;
  virtual void gated_silu(cuda::GatedSilu<cuda::Bf16> const& in) const = 0;
  virtual void sample(cuda::Sampling const& in) const = 0;

  /// rows times the transpose of `weight`, added up and handed out in f32.
  [[nodiscard]] virtual at::Tensor logits(at::Tensor const& rows, at::Tensor const& weight) const = 0;

  /// Runs `work`, which queues what it does in an order that all work of this object has.
  virtual void in_order(std::function<void()> const& work) const = 0;

  /// Records what `step` queues, without doing it. Called within `in_order`.
  [[nodiscard]] virtual std::unique_ptr<RecordedStep> record(std::function<void()> const& step) const = 0;
};

/// Those of the current CUDA device, on a stream of their own; null in a CPU build.
[[nodiscard]] std::unique_ptr<DecodeKernels> cuda_decode_kernels();

}  // namespace grove::nn::torch
