// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/decoder_session.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/cpu/decoder_checks.hpp"
#include "grove/nn/torch/decoder_impl.hpp"
#include "grove/nn/torch/kv_cache.hpp"
#include "grove/nn/torch/session_impl.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch {

namespace {

/// One query token for each of some slots, over all slots of a cache: what is the same in every layer.
class StepAttention {
 public:
  StepAttention(detail::KvCache const& cache, std::span<std::uint32_t const> slots, at::Device device)
      : cache_(cache), slots_(detail::indices(slots, device)), tokens_(cache.longest()) {
    std::vector<std::int64_t> last(cache.slots(), 0);  // other slots see one key, and nobody looks at the result
    for (auto slot : slots) last[slot] = detail::extent(cache.length(slot)) - 1;
    last_ = detail::indices(std::span<std::int64_t const>(last), device).view({-1, 1, 1, 1});
  }

  /// The query heads that share a key head stand as rows of one attention, so keys are never repeated.
  at::Tensor operator()(std::size_t layer, at::Tensor const& query, std::int64_t kv_heads, std::size_t window) {
    auto const dim = query.size(-1);
    auto all = at::zeros({detail::extent(cache_.slots()), kv_heads, query.size(1) / kv_heads, dim}, query.options());
    all.index_copy_(0, slots_, query.view({query.size(0), kv_heads, -1, dim}));
    auto const attention =
        at::scaled_dot_product_attention(all, cache_.keys(layer, tokens_), cache_.values(layer, tokens_), mask(window));
    return at::index_select(attention, 0, slots_).reshape({query.size(0), -1});
  }

 private:
  at::Tensor const& mask(std::size_t window) {
    auto& known = masks_[window];
    if (known.defined()) return known;
    auto const key = at::arange(detail::extent(tokens_), last_.options()).view({1, 1, 1, -1});
    known = key.le(last_);
    if (window != 0) known = known.logical_and(key.gt(last_.sub(detail::extent(window))));
    return known;
  }

  detail::KvCache const& cache_;
  at::Tensor slots_, last_;
  std::size_t tokens_;
  std::map<std::size_t, at::Tensor> masks_;  // by window
};

template <class Variant>
class AtenSession : public detail::SessionImpl {
 public:
  explicit AtenSession(Decoder<Variant> const& decoder)
      : model_(decoder.impl()),
        cache_(model_.config, model_.weights.embedding.value.options().requires_grad(false)),
        head_(model_.weights.head.value.detach().to(at::kFloat)) {}

  void prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits) override;
  Slot fork(Slot parent) override { return cache_.fork(parent); }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) override;
  using SessionImpl::step;
  void release(Slot slot) override { cache_.close(slot); }
  [[nodiscard]] std::size_t length(Slot slot) const override { return cache_.length(slot); }

 private:
  void write_logits(at::Tensor const& x, std::span<float> logits) const;

  typename Decoder<Variant>::Impl const& model_;
  detail::KvCache cache_;
  at::Tensor head_;  // [vocab, hidden] in f32, converted once and not in each step
};

template <class Variant>
void AtenSession<Variant>::write_logits(at::Tensor const& x, std::span<float> logits) const {
  if (logits.empty()) return;
  auto const normed = detail::rms_norm(x, model_.weights.norm, model_.config);
  detail::copy_out(at::linear(normed.to(at::kFloat), head_), logits);
}

template <class Variant>
void AtenSession<Variant>::prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits) {
  auto const& config = model_.config;
  std::vector<std::size_t> positions;
  std::vector<std::size_t> last;
  for (std::size_t s = 0; s < slots.size(); ++s) {
    auto const n = prompts.cu_seqlens[s + 1] - prompts.cu_seqlens[s];
    slots[s] = cache_.open(n);
    for (std::size_t i = 0; i < n; ++i) positions.push_back(prompts.first_position + i);
    last.push_back(positions.size() - 1);
  }
  std::vector<std::size_t> places;
  for (Slot slot : slots)
    for (std::size_t i = 0; i < cache_.length(slot); ++i) places.push_back(cache_.place(slot, i));
  auto const at_places = detail::indices(std::span<std::size_t const>(places), model_.device);
  auto const angles = detail::angles_of(model_.rotary, positions, model_.device);
  auto x = model_.embed(prompts.tokens);
  for (std::size_t i = 0; i < config.layers; ++i) {
    auto const layer = model_.layer(i);
    auto const heads = layer.project(x, angles);
    cache_.write(i, at_places, heads.key, heads.value);
    x = layer.finish(x, layer.attend(heads, prompts.cu_seqlens));
  }
  write_logits(at::index_select(x, 0, detail::indices(std::span<std::size_t const>(last), model_.device)), logits);
}

template <class Variant>
void AtenSession<Variant>::step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) {
  auto const& config = model_.config;
  std::vector<std::size_t> positions;
  for (Slot slot : slots) {
    positions.push_back(cache_.length(slot));
    cache_.extend(slot);
  }
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < slots.size(); ++i) places.push_back(cache_.place(slots[i], positions[i]));
  auto const at_places = detail::indices(std::span<std::size_t const>(places), model_.device);
  auto const angles = detail::angles_of(model_.rotary, positions, model_.device);
  StepAttention attend(cache_, slots, model_.device);
  auto x = model_.embed(tokens);
  for (std::size_t i = 0; i < config.layers; ++i) {
    auto const layer = model_.layer(i);
    auto const heads = layer.project(x, angles);
    cache_.write(i, at_places, heads.key, heads.value);
    x = layer.finish(x, attend(i, heads.query, detail::extent(config.kv_heads), layer.window()));
  }
  write_logits(x, logits);
}

}  // namespace

template <class Variant>
DecodeSession<Variant>::DecodeSession(Decoder<Variant> const& decoder) : decoder_(&decoder) {
  detail::translated("DecodeSession", [&] {
    if (decoder.impl().device.is_cuda() && detail::fits_kernels(decoder.config())) kernels_ = cuda_decode_kernels();
    if (kernels_)
      impl_ = detail::make_paged_session(decoder, *kernels_);
    else
      impl_ = std::make_unique<AtenSession<Variant>>(decoder);
  });
}
template <class Variant>
DecodeSession<Variant>::DecodeSession(Decoder<Variant> const& decoder, DecodeKernels const& kernels)
    : decoder_(&decoder) {
  if (!detail::fits_kernels(decoder.config()))
    throw Error("DecodeSession", "kernels for heads of " + std::to_string(decoder.config().head_dim),
                "heads of 64 or 128 and a hidden size that is a multiple of 8");
  impl_ = detail::translated("DecodeSession", [&] { return detail::make_paged_session(decoder, kernels); });
}
template <class Variant>
DecodeSession<Variant>::~DecodeSession() = default;
template <class Variant>
DecodeSession<Variant>::DecodeSession(DecodeSession&&) noexcept = default;
template <class Variant>
DecodeSession<Variant>& DecodeSession<Variant>::operator=(DecodeSession&&) noexcept = default;

template <class Variant>
void DecodeSession<Variant>::check(std::span<TokenId const> tokens, std::size_t slots, std::size_t rows,
                                   std::span<float> logits) const {
  auto const vocab = decoder_->vocab_size();
  if (!logits.empty() && logits.size() != rows * vocab)
    throw Error("DecodeSession", std::to_string(logits.size()) + " places for logits",
                std::to_string(rows) + " rows of " + std::to_string(vocab));
  if (tokens.size() != slots)
    throw Error("DecodeSession", std::to_string(tokens.size()) + " tokens", std::to_string(slots) + " slots'");
  cpu::detail::check_tokens("DecodeSession", tokens, vocab);
}

template <class Variant>
void DecodeSession<Variant>::prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits) {
  cpu::detail::check_batch("DecodeSession", prompts, decoder_->vocab_size());
  check({}, 0, prompts.sequences(), logits);
  if (slots.size() != prompts.sequences())
    throw Error("DecodeSession", std::to_string(slots.size()) + " places for slots",
                std::to_string(prompts.sequences()) + ", one for each prompt");
  at::NoGradGuard const no_grad;
  detail::translated("DecodeSession", [&] { impl_->prefill(prompts, slots, logits); });
}

template <class Variant>
auto DecodeSession<Variant>::fork(Slot parent) -> Slot {
  at::NoGradGuard const no_grad;
  return detail::translated("DecodeSession", [&] { return impl_->fork(parent); });
}

template <class Variant>
void DecodeSession<Variant>::step(std::span<Slot const> slots, std::span<TokenId const> tokens,
                                  std::span<float> logits) {
  check(tokens, slots.size(), slots.size(), logits);
  at::NoGradGuard const no_grad;
  detail::translated("DecodeSession", [&] { impl_->step(slots, tokens, logits); });
}

template <class Variant>
bool DecodeSession<Variant>::draw_by(cpu::SamplingOptions const& options, RandomStream const& random) {
  cpu::validate(options);
  draws_ = impl_->draw_by(options, random);
  return draws_;
}

template <class Variant>
void DecodeSession<Variant>::step(std::span<Slot const> slots, std::span<TokenId const> tokens,
                                  std::span<Draw const> draws, std::span<cpu::SampledToken> drawn) {
  check(tokens, slots.size(), 0, {});
  if (!draws_) throw Error("DecodeSession", "a draw before draw_by", "draw_by, which says how");
  if (draws.size() != slots.size() || drawn.size() != slots.size())
    throw Error("DecodeSession",
                std::to_string(draws.size()) + " draws into " + std::to_string(drawn.size()) + " places",
                std::to_string(slots.size()) + ", one for each slot");
  at::NoGradGuard const no_grad;
  detail::translated("DecodeSession", [&] { impl_->step(slots, tokens, draws, drawn); });
}

template <class Variant>
void DecodeSession<Variant>::release(Slot slot) {
  impl_->release(slot);
}

template <class Variant>
std::size_t DecodeSession<Variant>::length(Slot slot) const {
  return impl_->length(slot);
}

template class DecodeSession<Qwen2>;
template class DecodeSession<Qwen3>;
template class DecodeSession<Llama>;

}  // namespace grove::nn::torch
