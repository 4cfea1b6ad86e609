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
#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch {

template <class Variant>
struct DecodeSession<Variant>::Impl {
  explicit Impl(Decoder<Variant> const& from)
      : decoder(&from),
        cache(from.config(), model().weights.embedding.value.options().requires_grad(false)),
        head(model().weights.head.value.detach().to(at::kFloat)) {}

  [[nodiscard]] typename Decoder<Variant>::Impl const& model() const { return decoder->impl(); }
  void check(std::span<TokenId const> tokens, std::size_t rows, std::span<float> logits) const;
  void prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits);
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits);
  void write_logits(at::Tensor const& x, std::span<float> logits) const;

  Decoder<Variant> const* decoder;
  detail::KvCache cache;
  at::Tensor head;  // [vocab, hidden] in f32, converted once and not in each step
};

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

}  // namespace

template <class Variant>
void DecodeSession<Variant>::Impl::check(std::span<TokenId const> tokens, std::size_t rows,
                                         std::span<float> logits) const {
  auto const vocab = decoder->vocab_size();
  if (!logits.empty() && logits.size() != rows * vocab)
    throw Error("DecodeSession", std::to_string(logits.size()) + " places for logits",
                std::to_string(rows) + " rows of " + std::to_string(vocab));
  cpu::detail::check_tokens("DecodeSession", tokens, vocab);
}

template <class Variant>
void DecodeSession<Variant>::Impl::write_logits(at::Tensor const& x, std::span<float> logits) const {
  if (logits.empty()) return;
  auto const normed = detail::rms_norm(x, model().weights.norm, model().config);
  detail::copy_out(at::linear(normed.to(at::kFloat), head), logits);
}

template <class Variant>
void DecodeSession<Variant>::Impl::prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits) {
  auto const& config = model().config;
  std::vector<std::size_t> positions;
  std::vector<std::size_t> last;
  for (std::size_t s = 0; s < slots.size(); ++s) {
    auto const n = prompts.cu_seqlens[s + 1] - prompts.cu_seqlens[s];
    slots[s] = cache.open(n);
    for (std::size_t i = 0; i < n; ++i) positions.push_back(prompts.first_position + i);
    last.push_back(positions.size() - 1);
  }
  std::vector<std::size_t> places;
  for (Slot slot : slots)
    for (std::size_t i = 0; i < cache.length(slot); ++i) places.push_back(cache.place(slot, i));
  auto const at_places = detail::indices(std::span<std::size_t const>(places), model().device);
  auto const angles = detail::angles_of(model().rotary, positions, model().device);
  auto x = model().embed(prompts.tokens);
  for (std::size_t i = 0; i < config.layers; ++i) {
    auto const layer = model().layer(i);
    auto const heads = layer.project(x, angles);
    cache.write(i, at_places, heads.key, heads.value);
    x = layer.finish(x, layer.attend(heads, prompts.cu_seqlens));
  }
  write_logits(at::index_select(x, 0, detail::indices(std::span<std::size_t const>(last), model().device)), logits);
}

template <class Variant>
void DecodeSession<Variant>::Impl::step(std::span<Slot const> slots, std::span<TokenId const> tokens,
                                        std::span<float> logits) {
  auto const& config = model().config;
  std::vector<std::size_t> positions;
  for (Slot slot : slots) {
    positions.push_back(cache.length(slot));
    cache.extend(slot);
  }
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < slots.size(); ++i) places.push_back(cache.place(slots[i], positions[i]));
  auto const at_places = detail::indices(std::span<std::size_t const>(places), model().device);
  auto const angles = detail::angles_of(model().rotary, positions, model().device);
  StepAttention attend(cache, slots, model().device);
  auto x = model().embed(tokens);
  for (std::size_t i = 0; i < config.layers; ++i) {
    auto const layer = model().layer(i);
    auto const heads = layer.project(x, angles);
    cache.write(i, at_places, heads.key, heads.value);
    x = layer.finish(x, attend(i, heads.query, detail::extent(config.kv_heads), layer.window()));
  }
  write_logits(x, logits);
}

template <class Variant>
DecodeSession<Variant>::DecodeSession(Decoder<Variant> const& decoder)
    : impl_(detail::translated("DecodeSession", [&] { return std::make_unique<Impl>(decoder); })) {}
template <class Variant>
DecodeSession<Variant>::~DecodeSession() = default;
template <class Variant>
DecodeSession<Variant>::DecodeSession(DecodeSession&&) noexcept = default;
template <class Variant>
DecodeSession<Variant>& DecodeSession<Variant>::operator=(DecodeSession&&) noexcept = default;

template <class Variant>
void DecodeSession<Variant>::prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits) {
  cpu::detail::check_batch("DecodeSession", prompts, impl_->decoder->vocab_size());
  impl_->check({}, prompts.sequences(), logits);
  if (slots.size() != prompts.sequences())
    throw Error("DecodeSession", std::to_string(slots.size()) + " places for slots",
                std::to_string(prompts.sequences()) + ", one for each prompt");
  at::NoGradGuard const no_grad;
  detail::translated("DecodeSession", [&] { impl_->prefill(prompts, slots, logits); });
}

template <class Variant>
auto DecodeSession<Variant>::fork(Slot parent) -> Slot {
  at::NoGradGuard const no_grad;
  return detail::translated("DecodeSession", [&] { return impl_->cache.fork(parent); });
}

template <class Variant>
void DecodeSession<Variant>::step(std::span<Slot const> slots, std::span<TokenId const> tokens,
                                  std::span<float> logits) {
  impl_->check(tokens, slots.size(), logits);
  if (slots.size() != tokens.size())
    throw Error("DecodeSession", std::to_string(tokens.size()) + " tokens", std::to_string(slots.size()) + " slots'");
  at::NoGradGuard const no_grad;
  detail::translated("DecodeSession", [&] { impl_->step(slots, tokens, logits); });
}

template <class Variant>
void DecodeSession<Variant>::release(Slot slot) {
  impl_->cache.close(slot);
}

template <class Variant>
std::size_t DecodeSession<Variant>::length(Slot slot) const {
  return impl_->cache.length(slot);
}

template class DecodeSession<Qwen2>;
template class DecodeSession<Qwen3>;
template class DecodeSession<Llama>;

}  // namespace grove::nn::torch
