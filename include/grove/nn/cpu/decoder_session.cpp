// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_session.hpp"

#include <algorithm>
#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/decoder_checks.hpp"
#include "grove/nn/cpu/ops.hpp"

namespace grove::nn::cpu {

template <class Variant>
DecodeSession<Variant>::DecodeSession(Decoder<Variant> const& decoder, ThreadPool* pool)
    : decoder_(&decoder), threads_(pool), cache_(decoder.layout().kv) {}

// On one thread a tile's activations stay in its caches; shared by several, each has part of a larger one.
template <class Variant>
std::size_t DecodeSession<Variant>::tile_rows() const noexcept {
  return 64 * threads_.count();
}

template <class Variant>
void DecodeSession<Variant>::check(std::span<TokenId const> tokens, std::size_t rows, std::span<float> logits) const {
  std::size_t const vocab = decoder_->vocab_size();
  if (!decoder_->weights().inference) throw Error("DecodeSession", "the decoder has no weights", "load() before");
  if (!logits.empty() && logits.size() != rows * vocab) {
    throw Error("DecodeSession", std::to_string(logits.size()) + " places for logits",
                std::to_string(rows) + " rows of " + std::to_string(vocab));
  }
  detail::check_tokens("DecodeSession", tokens, vocab);
}

template <class Variant>
void DecodeSession<Variant>::prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits) {
  detail::check_batch("DecodeSession", prompts, decoder_->vocab_size());
  check({}, prompts.sequences(), logits);
  if (slots.size() != prompts.sequences()) {
    throw Error("DecodeSession", std::to_string(slots.size()) + " places for slots",
                std::to_string(prompts.sequences()) + ", one for each prompt");
  }
  for (Slot& slot : slots) slot = cache_.open(prompts.first_position);
  run_pieces(prompts, slots, logits);
}

template <class Variant>
void DecodeSession<Variant>::append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits) {
  detail::check_batch("DecodeSession", pieces, decoder_->vocab_size());
  check({}, std::min(pieces.sequences(), logits.size() / decoder_->vocab_size()), logits);
  if (slots.size() != pieces.sequences()) {
    throw Error("DecodeSession", std::to_string(slots.size()) + " slots",
                std::to_string(pieces.sequences()) + ", one for each piece");
  }
  for (Slot slot : slots) static_cast<void>(cache_.length(slot));
  run_pieces(pieces, slots, logits);
}

template <class Variant>
void DecodeSession<Variant>::run_pieces(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits) {
  places_.clear();
  for (std::size_t s = 0; s < pieces.sequences(); ++s) {
    std::size_t const begin = cache_.length(slots[s]);
    std::size_t const end = begin + pieces.cu_seqlens[s + 1] - pieces.cu_seqlens[s];
    for (std::size_t i = begin; i < end; ++i) places_.push_back({slots[s], i, cache_.first_position(slots[s]) + i});
    cache_.extend(slots[s], end - begin);
  }
  std::size_t const hidden = decoder_->layout().hidden;
  std::size_t const wanted = logits.size() / decoder_->vocab_size();
  last_.resize(wanted * hidden);
  std::size_t next = 0;  // piece whose last row is to come
  for (std::size_t begin = 0; begin < places_.size(); begin += tile_rows()) {
    std::size_t const rows = std::min(tile_rows(), places_.size() - begin);
    float const* const x = run_tile(pieces.tokens.subspan(begin, rows), std::span(places_).subspan(begin, rows));
    for (; next < wanted && pieces.cu_seqlens[next + 1] <= begin + rows; ++next) {
      float const* const row = x + (pieces.cu_seqlens[next + 1] - 1 - begin) * hidden;
      std::copy(row, row + hidden, last_.data() + next * hidden);
    }
  }
  if (wanted > 0) project_head(last_.data(), wanted, logits.data());
}

template <class Variant>
void DecodeSession<Variant>::step(std::span<Slot const> slots, std::span<TokenId const> tokens,
                                  std::span<float> logits) {
  check(tokens, slots.size(), logits);
  if (slots.size() != tokens.size()) {
    throw Error("DecodeSession", std::to_string(tokens.size()) + " tokens", std::to_string(slots.size()) + " slots'");
  }
  for (Slot slot : slots) static_cast<void>(cache_.length(slot));
  places_.clear();
  for (Slot slot : slots) {
    std::size_t const index = cache_.length(slot);
    places_.push_back({slot, index, cache_.first_position(slot) + index});
    cache_.extend(slot, 1);
  }
  std::size_t const vocab = decoder_->vocab_size();
  for (std::size_t begin = 0; begin < places_.size(); begin += tile_rows()) {
    std::size_t const rows = std::min(tile_rows(), places_.size() - begin);
    float const* const x = run_tile(tokens.subspan(begin, rows), std::span(places_).subspan(begin, rows));
    if (!logits.empty()) project_head(x, rows, logits.data() + begin * vocab);
  }
}

template <class Variant>
detail::RowTile DecodeSession<Variant>::make_tile(std::span<Place const> places) {
  auto const& rotary = decoder_->layout().rotary;
  float* const angles = scratch_.angles.reserve(places.size() * 2 * rotary.half());
  scratch_.runs.clear();
  for (std::size_t row = 0; row < places.size(); ++row) {
    Place const& place = places[row];
    rotary.fill(place.position, angles + row * 2 * rotary.half());
    bool const goes_on = row > 0 && places[row - 1].slot == place.slot && places[row - 1].index + 1 == place.index;
    if (goes_on) {
      ++scratch_.runs.back().rows;
    } else {
      scratch_.runs.push_back({cache_.pages(place.slot).data(), place.index, 1});
    }
  }
  return {.runs = scratch_.runs, .rows = places.size(), .angles = angles};
}

/// All layers for the rows; returns their hidden states `[rows, hidden]` before the final norm.
template <class Variant>
float const* DecodeSession<Variant>::run_tile(std::span<TokenId const> tokens, std::span<Place const> places) {
  auto const& layout = decoder_->layout();
  auto const tile = make_tile(places);
  float* const x = scratch_.x.reserve(tile.rows * layout.hidden);
  detail::embed(decoder_->weights(), layout.hidden, tokens, x);
  detail::LayerRows const rows{.x = x,
                               .qkv = scratch_.qkv.reserve(tile.rows * layout.qkv_width),
                               .attention = scratch_.attention.reserve(tile.rows * layout.query_width),
                               .middle = x,
                               .gate_up = scratch_.gate_up.reserve(tile.rows * 2 * layout.intermediate),
                               .out = x};
  for (std::size_t i = 0; i < layout.config.layers; ++i) {
    detail::LayerPass<Variant> const layer(layout, decoder_->weights(), decoder_->adapters().layer(i), i, i, threads_);
    layer.project(tile, rows, scratch_);
    layer.attend(tile, rows, scratch_);
    layer.finish(tile, rows, scratch_);
  }
  return x;
}

template <class Variant>
void DecodeSession<Variant>::project_head(float const* x, std::size_t rows, float* logits) {
  auto const& layout = decoder_->layout();
  auto const& weights = decoder_->weights();
  float* const normed = scratch_.normed.reserve(rows * layout.hidden);
  for (std::size_t row = 0; row < rows; ++row) {
    detail::row_ops().rms_norm(x + row * layout.hidden, weights.norm.data(), layout.hidden, layout.epsilon,
                               normed + row * layout.hidden);
  }
  threads_.multiply(normed, rows, weights.head, logits);
}

template class DecodeSession<Qwen2>;
template class DecodeSession<Qwen3>;
template class DecodeSession<Llama>;

}  // namespace grove::nn::cpu
