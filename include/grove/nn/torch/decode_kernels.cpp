// SPDX-License-Identifier: Apache-2.0
// The library's kernels, a stream, and CUDA graphs. A CPU build has none of it.
#include "grove/nn/torch/decode_kernels.hpp"

#ifdef GROVE_CUDA

#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/mm.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace grove::nn::torch {
namespace {

class Graph : public RecordedStep {
 public:
  /// Graphs of one `pool` share the memory of what lives within a step: only one of them runs at a time.
  Graph(at::cuda::MempoolId_t pool, std::function<void()> const& step) {
    // Other threads may allocate meanwhile.
    graph_.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      step();
    } catch (...) {
      graph_.capture_end();  // or the stream would go on recording
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

class CudaKernels : public DecodeKernels {
 public:
  // What other streams have queued, such as the copies of weights, is done before the first work here.
  CudaKernels() : stream_(at::cuda::getStreamFromPool()), pool_(at::cuda::graph_pool_handle()) {
    c10::cuda::device_synchronize();
  }

  void attend(cuda::PagedAttention<float> const& in) const override { cuda::decode_attention(in, stream_.stream()); }
  void attend(cuda::PagedAttention<cuda::Bf16> const& in) const override {
    cuda::decode_attention(in, stream_.stream());
  }
  void add_norm(cuda::AddNorm<float> const& in) const override { cuda::add_norm(in, stream_.stream()); }
  void add_norm(cuda::AddNorm<cuda::Bf16> const& in) const override { cuda::add_norm(in, stream_.stream()); }
  void rotate_and_store(cuda::RotateAndStore<float> const& in) const override {
    cuda::rotate_and_store(in, stream_.stream());
  }
  void rotate_and_store(cuda::RotateAndStore<cuda::Bf16> const& in) const override {
    cuda::rotate_and_store(in, stream_.stream());
  }
  void gated_silu(cuda::GatedSilu<float> const& in) const override { cuda::gated_silu(in, stream_.stream()); }
  void gated_silu(cuda::GatedSilu<cuda::Bf16> const& in) const override { cuda::gated_silu(in, stream_.stream()); }
  void sample(cuda::Sampling const& in) const override { cuda::sample(in, stream_.stream()); }

  [[nodiscard]] at::Tensor logits(at::Tensor const& rows, at::Tensor const& weight) const override {
    return rows.scalar_type() == at::kFloat ? at::mm(rows, weight.t()) : at::mm(rows, weight.t(), at::kFloat);
  }
  void in_order(std::function<void()> const& work) const override {
    c10::cuda::CUDAStreamGuard const guard(stream_);
    work();
  }
  [[nodiscard]] std::unique_ptr<RecordedStep> record(std::function<void()> const& step) const override {
    return std::make_unique<Graph>(pool_, step);
  }

 private:
  at::cuda::CUDAStream stream_;
  at::cuda::MempoolId_t pool_;
};

}  // namespace

std::unique_ptr<DecodeKernels> cuda_decode_kernels() { return std::make_unique<CudaKernels>(); }

}  // namespace grove::nn::torch

#else

namespace grove::nn::torch {

std::unique_ptr<DecodeKernels> cuda_decode_kernels() { return nullptr; }

}  // namespace grove::nn::torch

#endif
