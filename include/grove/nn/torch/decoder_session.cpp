// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/decoder_session.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
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

/// Pieces of sequences, each over all of its own so far.
class PieceAttention {
 public:
  PieceAttention(detail::KvCache const& cache, std::span<std::size_t const> cu_seqlens,
                 std::span<std::uint32_t const> slots)
      : cache_(cache), cu_seqlens_(cu_seqlens), slots_(slots) {}

  at::Tensor operator()(std::size_t layer, at::Tensor const& query, std::int64_t /*kv_heads*/,
                        std::size_t window) const {
    std::vector<at::Tensor> parts;
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      auto const begin = detail::extent(cu_seqlens_[s]), end = detail::extent(cu_seqlens_[s + 1]);
      auto const of = [&](at::Tensor const& t) { return t.select(0, slots_[s]); };
      auto const length = cache_.length(slots_[s]);
      parts.push_back(detail::attend_sequence(query.narrow(0, begin, end - begin), of(cache_.keys(layer, length)),
                                              of(cache_.values(layer, length)), window));
    }
    return at::cat(parts, 0);
  }

 private:
  detail::KvCache const& cache_;
  std::span<std::size_t const> cu_seqlens_;
  std::span<std::uint32_t const> slots_;
};

template <class Variant>
class AtenSession : public detail::SessionImpl {
 public:
  explicit AtenSession(Decoder<Variant> const& decoder)
      : model_(decoder.impl()),
        cache_(model_.config, model_.weights.embedding.value.options().requires_grad(false)),
        head_(model_.weights.head.value.detach().to(at::kFloat)) {}

  Slot open(std::size_t first_position) override { return cache_.open(first_position); }
  void append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits) override;
  Slot fork(Slot parent) override { return cache_.fork(parent); }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) override;
  using SessionImpl::step;
  void release(Slot slot) override { cache_.close(slot); }
  [[nodiscard]] std::size_t length(Slot slot) const override { return cache_.length(slot); }

 private:
  /// Makes room for so many more tokens of each slot; where they lie and stand.
  struct Places {
    std::vector<std::size_t> positions, places;
  };
  template <class Count>
  Places extend(std::span<Slot const> slots, Count const& count);
  template <class Attention>
  at::Tensor run(std::span<TokenId const> tokens, Places const& at, Attention&& attend);
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
template <class Count>
auto AtenSession<Variant>::extend(std::span<Slot const> slots, Count const& count) -> Places {
  for (std::size_t s = 0; s < slots.size(); ++s) cache_.extend(slots[s], count(s));
  Places found;
  for (std::size_t s = 0; s < slots.size(); ++s) {
    auto const end = cache_.length(slots[s]);
    for (std::size_t i = end - count(s); i < end; ++i) {
      found.positions.push_back(cache_.first_position(slots[s]) + i);
      found.places.push_back(cache_.place(slots[s], i));
    }
  }
  return found;
}

template <class Variant>
template <class Attention>
at::Tensor AtenSession<Variant>::run(std::span<TokenId const> tokens, Places const& at, Attention&& attend) {
  auto const places = detail::indices(std::span<std::size_t const>(at.places), model_.device);
  auto const angles = detail::angles_of(model_.rotary, at.positions, model_.device);
  auto x = model_.embed(tokens);
  for (std::size_t i = 0; i < model_.config.layers; ++i) {
    auto const layer = model_.layer(i);
    auto const heads = layer.project(x, angles);
    cache_.write(i, places, heads.key, heads.value);
    x = layer.finish(x, attend(i, heads.query, detail::extent(model_.config.kv_heads), layer.window()));
  }
  return x;
}

template <class Variant>
void AtenSession<Variant>::append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits) {
  auto const starts = pieces.cu_seqlens;
  auto const at = extend(slots, [&](std::size_t s) { return starts[s + 1] - starts[s]; });
  auto const x = run(pieces.tokens, at, PieceAttention(cache_, starts, slots));
  std::vector<std::size_t> last;
  for (std::size_t s = 0; s < logits.size() / model_.config.vocab_size; ++s) last.push_back(starts[s + 1] - 1);
  write_logits(at::index_select(x, 0, detail::indices(std::span<std::size_t const>(last), model_.device)), logits);
}

template <class Variant>
void AtenSession<Variant>::step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) {
  auto const at = extend(slots, [](std::size_t) { return std::size_t{1}; });
  write_logits(run(tokens, at, StepAttention(cache_, slots, model_.device)), logits);
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
  for (Slot& slot : slots) slot = open(prompts.first_position);
  append(prompts, slots, logits);
}

template <class Variant>
auto DecodeSession<Variant>::open(std::size_t first_position) -> Slot {
  return impl_->open(first_position);
}

template <class Variant>
void DecodeSession<Variant>::append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits) {
  cpu::detail::check_batch("DecodeSession", pieces, decoder_->vocab_size());
  check({}, 0, std::min(pieces.sequences(), logits.size() / decoder_->vocab_size()), logits);
  if (slots.size() != pieces.sequences())
    throw Error("DecodeSession", std::to_string(slots.size()) + " slots",
                std::to_string(pieces.sequences()) + ", one for each piece");
  for (Slot const slot : slots) static_cast<void>(impl_->length(slot));
  at::NoGradGuard const no_grad;
  detail::translated("DecodeSession", [&] { impl_->append(pieces, slots, logits); });
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

template <class Variant>
bool DecodeSession<Variant>::limit(std::size_t pages) {
  return impl_->limit(pages);
}
template <class Variant>
std::size_t DecodeSession<Variant>::free_pages() const {
  return impl_->free_pages();
}
template <class Variant>
std::size_t DecodeSession<Variant>::extend_pages(Slot slot, std::size_t tokens) const {
  return impl_->extend_pages(slot, tokens);
}
template <class Variant>
std::size_t DecodeSession<Variant>::fork_pages(Slot slot) const {
  return impl_->fork_pages(slot);
}

template class DecodeSession<Qwen2>;
template class DecodeSession<Qwen3>;
template class DecodeSession<Llama>;

}  // namespace grove::nn::torch
