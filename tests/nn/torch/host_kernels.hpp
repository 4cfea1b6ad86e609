// SPDX-License-Identifier: Apache-2.0
// The kernels of decode on the host, in one thread, so that a session over pages runs where no device is.
#pragma once

#include <ATen/ops/mm.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "grove/nn/torch/decode_kernels.hpp"

namespace grove::nn::torch::test {

class HostKernels : public DecodeKernels {
 public:
  void attend(cuda::PagedAttention<float> const& in) const override { attend_all(in); }
  void attend(cuda::PagedAttention<cuda::Bf16> const& in) const override { attend_all(in); }
  void add_norm(cuda::AddNorm<float> const& in) const override { add_norm_all(in); }
  void add_norm(cuda::AddNorm<cuda::Bf16> const& in) const override { add_norm_all(in); }
  void rotate_and_store(cuda::RotateAndStore<float> const& in) const override { rotate_all(in); }
  void rotate_and_store(cuda::RotateAndStore<cuda::Bf16> const& in) const override { rotate_all(in); }
  void gated_silu(cuda::GatedSilu<float> const& in) const override { silu_all(in); }
  void gated_silu(cuda::GatedSilu<cuda::Bf16> const& in) const override { silu_all(in); }
  void sample(cuda::Sampling const& in) const override {
    auto const shared = std::make_unique<cuda::SamplingShared>();
    ++sampled;
    for (unsigned row = 0; row < in.rows && !recording_; ++row)
      cuda::sample_row(cuda::SingleThread{}, in, row, *shared);
  }
  [[nodiscard]] at::Tensor logits(at::Tensor const& rows, at::Tensor const& weight) const override {
    return at::mm(rows.to(at::kFloat), weight.to(at::kFloat).t());
  }
  void in_order(std::function<void()> const& work) const override { work(); }

  /// Remembers which memory outside the step its kernels were given; a graph would go on using it.
  [[nodiscard]] std::unique_ptr<RecordedStep> record(std::function<void()> const& step) const override {
    ++recorded;
    recording_ = true;
    seen_.clear();
    step();
    recording_ = false;
    return std::make_unique<Recording>(*this, step, seen_);
  }

  mutable int recorded = 0;
  mutable int replayed = 0;
  mutable int sampled = 0;
  mutable bool moved = false;  ///< a replay was given other memory

 private:
  using Addresses = std::vector<void const*>;

  struct Recording : RecordedStep {
    Recording(HostKernels const& of, std::function<void()> f, Addresses at_record)
        : kernels(of), step(std::move(f)), seen(std::move(at_record)) {}
    void replay() override {
      ++kernels.replayed;
      kernels.seen_.clear();
      step();
      kernels.moved |= kernels.seen_ != seen;
    }
    HostKernels const& kernels;
    std::function<void()> step;
    Addresses seen;
  };

  template <class T>
  void attend_all(cuda::PagedAttention<T> const& in) const {
    if (recording_) return;
    if (in.head_dim == 64)
      attend_heads<64>(in);
    else
      attend_heads<128>(in);
  }
  template <unsigned Dim, class T>
  static void attend_heads(cuda::PagedAttention<T> const& in) {
    cuda::SingleThread const team;
    std::vector<float> shared(cuda::attention_shared<Dim, cuda::most_queries>(1, 1));
    for (unsigned row = 0; row < in.rows; ++row) {
      for (unsigned h = 0; h < in.kv_heads; ++h)
        for (unsigned tile = 0; tile < in.tiles(); ++tile)
          for (unsigned split = 0; split < in.splits(); ++split)
            cuda::attend_part<Dim, 1, cuda::most_queries>(team, in, row, h, tile, split, shared.data());
      for (unsigned head = 0; head < in.heads; ++head) cuda::join_parts<Dim>(team, in, row, head);
    }
  }
  template <class T>
  void add_norm_all(cuda::AddNorm<T> const& in) const {
    seen_.push_back(in.weight);
    for (unsigned row = 0; row < in.rows && !recording_; ++row) {
      float shared = 0;
      cuda::add_norm_row(cuda::SingleThread{}, in, row, &shared);
    }
  }
  template <class T>
  void rotate_all(cuda::RotateAndStore<T> const& in) const {
    for (void const* at : {static_cast<void const*>(in.angles), static_cast<void const*>(in.pages),
                           static_cast<void const*>(in.keys), static_cast<void const*>(in.values)})
      seen_.push_back(at);
    for (unsigned row = 0; row < in.rows && !recording_; ++row)
      for (unsigned head = 0; head < in.all_heads(); ++head)
        cuda::rotate_and_store_heads(cuda::SingleThread{}, in, row, head);
  }
  template <class T>
  void silu_all(cuda::GatedSilu<T> const& in) const {
    for (std::size_t i = 0; i < std::size_t{in.rows} * in.n && !recording_; ++i) cuda::gated_silu_element(in, i);
  }

  mutable bool recording_ = false;
  mutable Addresses seen_;
};

}  // namespace grove::nn::torch::test
