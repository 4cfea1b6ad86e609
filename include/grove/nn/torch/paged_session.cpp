// SPDX-License-Identifier: Apache-2.0
// Decode over pages by own kernels, in steps of few shapes that are recorded.
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/torch/paged_step.hpp"
#include "grove/nn/torch/session_impl.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {
namespace {

template <class Variant>
class PagedSession : public SessionImpl {
 public:
  PagedSession(Decoder<Variant> const& decoder, DecodeKernels const& kernels)
      : model_(decoder.impl()),
        kernels_(kernels),
        cache_(model_.config, model_.rotary, model_.weights.embedding.value.options().requires_grad(false)) {}

  void prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits) override {
    kernels_.in_order([&] { do_prefill(prompts, slots, logits); });
  }
  Slot fork(Slot parent) override {
    Slot slot = 0;
    kernels_.in_order([&] { slot = cache_.fork(parent); });
    return slot;
  }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) override {
    kernels_.in_order([&] {
      auto& step = do_step(slots, tokens, {});
      if (!logits.empty()) copy_out(step.logits().narrow(0, 0, extent(slots.size())), logits);
    });
  }
  void release(Slot slot) override { cache_.close(slot); }
  [[nodiscard]] std::size_t length(Slot slot) const override { return cache_.table().length(slot); }

  bool draw_by(cpu::SamplingOptions const& options, RandomStream const& random) override {
    options_ = options;
    draws_.emplace(StepDraws{{options.temperature, options.top_k, options.top_p, options.min_p}, random});
    steps_.clear();
    schedule_ = {};
    return true;
  }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<Draw const> draws,
            std::span<cpu::SampledToken> drawn) override {
    kernels_.in_order([&] {
      auto const& step = do_step(slots, tokens, draws);
      std::vector<cuda::DrawnToken> found(slots.size());
      step.read(found);
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i].fault != cuda::RowFault::None) refuse(step.logits().select(0, extent(i)), draws[i]);
        drawn[i] = {found[i].token, found[i].log_prob, found[i].kept_mass};
      }
    });
  }

 private:
  void do_prefill(PackedBatch const& prompts, std::span<Slot> slots, std::span<float> logits) {
    std::vector<std::size_t> positions;
    std::vector<std::size_t> last;
    for (std::size_t s = 0; s < slots.size(); ++s) {
      auto const n = prompts.cu_seqlens[s + 1] - prompts.cu_seqlens[s];
      slots[s] = cache_.open(n, prompts.first_position);
      for (std::size_t i = 0; i < n; ++i) positions.push_back(prompts.first_position + i);
      last.push_back(positions.size() - 1);
    }
    auto const places = cache_.places(slots);
    auto const angles = angles_of(model_.rotary, positions, model_.device);
    auto x = model_.embed(prompts.tokens);
    for (std::size_t i = 0; i < model_.config.layers; ++i) {
      auto const layer = model_.layer(i);
      auto const heads = layer.project(x, angles);
      cache_.write(i, places, heads.key, heads.value);
      x = layer.finish(x, layer.attend(heads, prompts.cu_seqlens));
    }
    if (logits.empty()) return;
    auto const rows = at::index_select(x, 0, indices(std::span<std::size_t const>(last), model_.device));
    auto const normed = rms_norm(rows, model_.weights.norm, model_.config);
    copy_out(kernels_.logits(normed, model_.weights.head.value.detach()), logits);
  }

  PagedStep<Variant>& do_step(std::span<Slot const> slots, std::span<TokenId const> tokens,
                              std::span<Draw const> draws) {
    std::size_t pages = 0;
    for (Slot const slot : slots) {
      cache_.extend(slot);
      pages = std::max(pages, cache_.table().pages(slot).size());
    }
    auto const shape = padded({slots.size(), pages});
    if (cache_.epoch() != schedule_.epoch()) steps_.clear();
    auto const mode = schedule_.next(shape, cache_.epoch());
    auto const [at, made] = steps_.try_emplace(shape, nullptr);
    if (!at->second) at->second = std::make_unique<PagedStep<Variant>>(model_, cache_, kernels_, shape, draws_);
    at->second->fill(slots, tokens, draws);
    at->second->run(mode);
    return *at->second;
  }

  /// With the CPU sampler's words.
  [[noreturn]] void refuse(at::Tensor const& logits, Draw const& draw) const {
    std::vector<float> row(static_cast<std::size_t>(logits.numel()));
    copy_out(logits, row);
    std::string const where = "id " + std::to_string(draw.index) + ", sample " + std::to_string(draw.sample) +
                              ", token " + std::to_string(draw.token);
    try {
      static_cast<void>(cpu::TokenSampler(options_)(row, 0));
    } catch (Error const& error) {
      throw Error(where, error.problem, error.expected, error.fix);
    }
    throw Error(where, "the device finds no token in logits that the host takes");
  }

  typename Decoder<Variant>::Impl const& model_;
  DecodeKernels const& kernels_;
  PagedCache cache_;
  StepSchedule schedule_;
  std::map<StepShape, std::unique_ptr<PagedStep<Variant>>> steps_;
  cpu::SamplingOptions options_{};
  std::optional<StepDraws> draws_{};
};

}  // namespace

bool fits_kernels(io::ModelConfig const& config) {
  return cuda::has_attention_kernel(config.head_dim) && config.hidden_size % 8 == 0 &&
         config.vocab_size <= cuda::sampling_segment * cuda::most_sampling_segments;
}

template <class Variant>
std::unique_ptr<SessionImpl> make_paged_session(Decoder<Variant> const& decoder, DecodeKernels const& kernels) {
  return std::make_unique<PagedSession<Variant>>(decoder, kernels);
}

template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Qwen2> const&, DecodeKernels const&);
template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Qwen3> const&, DecodeKernels const&);
template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Llama> const&, DecodeKernels const&);

}  // namespace grove::nn::torch::detail
