// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_rows.hpp"

#include <algorithm>

#include "grove/io/bf16.hpp"
#include "grove/nn/cpu/decoder.hpp"

namespace grove::nn::cpu::detail {
namespace {

constexpr std::size_t row_grain = 8;  // rows that are worth another thread

float const* data_or_null(std::vector<float> const& values) { return values.empty() ? nullptr : values.data(); }

}  // namespace

template <class Variant>
void LayerPass<Variant>::project(RowTile const& tile, LayerRows const& rows, RowScratch& scratch) const {
  std::size_t const hidden = layout_.hidden;
  std::size_t const width = layout_.qkv_width;
  float* const normed = scratch.normed.reserve(tile.rows * hidden);
  threads_.split(tile.rows, row_grain, [&](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      ops_.rms_norm(rows.x + row * hidden, weights_.input_norm.data(), hidden, layout_.epsilon, normed + row * hidden);
    }
  });
  threads_.multiply(normed, tile.rows, weights_.qkv, rows.qkv, {.bias = data_or_null(weights_.qkv_bias)});
  adapt(Projection::Query, normed, tile.rows, rows.qkv, width, scratch);
  adapt(Projection::Key, normed, tile.rows, rows.qkv + layout_.query_width, width, scratch);
  adapt(Projection::Value, normed, tile.rows, rows.qkv + layout_.query_width + layout_.key_width, width, scratch);
  threads_.split(tile.rows, row_grain, [&](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      float* const qkv = rows.qkv + row * width;
      float const* const angles = tile.angles + row * 2 * layout_.rotary.half();
      if (rows.raw != nullptr) {
        std::size_t const kept = layout_.query_width + layout_.key_width;
        std::copy(qkv, qkv + kept, rows.raw + row * kept);
      }
      turn_heads(qkv, layout_.config.heads, data_or_null(weights_.query_norm), angles);
      turn_heads(qkv + layout_.query_width, layout_.config.kv_heads, data_or_null(weights_.key_norm), angles);
    }
  });
  store(tile, rows.qkv);
}

template <class Variant>
void LayerPass<Variant>::turn_heads(float* heads, std::size_t count, float const* norm, float const* angles) const {
  std::size_t const dim = layout_.config.head_dim;
  for (std::size_t head = 0; head < count; ++head) {
    float* const x = heads + head * dim;
    if constexpr (Variant::qk_norm) ops_.rms_norm(x, norm, dim, layout_.epsilon, x);
    ops_.rotate(x, angles, angles + layout_.rotary.half(), layout_.rotary.half(), false);
  }
}

template <class Variant>
void LayerPass<Variant>::store(RowTile const& tile, float const* qkv) const {
  KvShape const& kv = layout_.kv;
  for (RowRun const& run : tile.runs) {
    for (std::size_t row = 0; row < run.rows; ++row, qkv += layout_.qkv_width) {
      std::size_t const at = (run.first + row) % KvShape::page_tokens;
      float* page = run.pages[(run.first + row) / KvShape::page_tokens] + offset_;
      float const* key = qkv + layout_.query_width;
      for (std::size_t head = 0; head < kv.kv_heads; ++head) {
        float const* const value = key + layout_.key_width;
        for (std::size_t d = 0; d < kv.head_dim; ++d) page[d * KvShape::page_tokens + at] = key[d];
        std::copy(value, value + kv.head_dim, page + kv.key_floats() + at * kv.value_stride());
        page += kv.head_floats();
        key += kv.head_dim;
      }
    }
  }
}

template <class Variant>
void LayerPass<Variant>::attend(RowTile const& tile, LayerRows const& rows, RowScratch& scratch) const {
  KvShape const& kv = layout_.kv;
  std::size_t const group_width = shape_.group * shape_.head_dim;
  std::size_t keys = 0;
  for (RowRun const& run : tile.runs) keys = std::max(keys, run.first + run.rows);
  std::size_t const room = attention_scratch(keys);
  float* const scores = scratch.scores.reserve(threads_.parts() * room);
  std::size_t const heads = kv.kv_heads;
  // Items are runs times heads: a thread takes some, and each knows its first row from the runs before it.
  threads_.split(tile.runs.size() * heads, 2, [&](std::size_t part, std::size_t begin, std::size_t end) {
    std::size_t row = 0;
    for (std::size_t i = 0; i < begin / heads; ++i) row += tile.runs[i].rows;
    for (std::size_t item = begin; item < end; ++item) {
      RowRun const& run = tile.runs[item / heads];
      std::size_t const head = item % heads;
      AttentionRows attention{.q = rows.qkv + row * layout_.qkv_width + head * group_width,
                              .ldq = layout_.qkv_width,
                              .pages = run.pages,
                              .offset = offset_ + head * kv.head_floats(),
                              .first = run.first,
                              .rows = run.rows};
      attention.out = rows.attention + row * layout_.query_width + head * group_width;
      attention.ldo = layout_.query_width;
      attention.scratch = scores + part * room;
      if (rows.statistics != nullptr) {
        attention.lds = 2 * layout_.config.heads;
        attention.statistics = rows.statistics + row * attention.lds + 2 * head * shape_.group;
      }
      ops_.attend(shape_, attention);
      if (head + 1 == heads) row += run.rows;
    }
  });
}

template <class Variant>
void LayerPass<Variant>::finish(RowTile const& tile, LayerRows const& rows, RowScratch& scratch) const {
  std::size_t const hidden = layout_.hidden;
  std::size_t const wide = layout_.intermediate;
  if (rows.middle != rows.x) std::copy(rows.x, rows.x + tile.rows * hidden, rows.middle);
  threads_.multiply(rows.attention, tile.rows, weights_.out, rows.middle,
                    {.bias = data_or_null(weights_.out_bias), .accumulate = true});
  adapt(Projection::Output, rows.attention, tile.rows, rows.middle, hidden, scratch);
  float* const normed = scratch.normed.reserve(tile.rows * hidden);
  threads_.split(tile.rows, row_grain, [&](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      ops_.rms_norm(rows.middle + row * hidden, weights_.mlp_norm.data(), hidden, layout_.epsilon,
                    normed + row * hidden);
    }
  });
  threads_.multiply(normed, tile.rows, weights_.gate_up, rows.gate_up);
  adapt(Projection::Gate, normed, tile.rows, rows.gate_up, 2 * wide, scratch);
  adapt(Projection::Up, normed, tile.rows, rows.gate_up + wide, 2 * wide, scratch);
  if (rows.out == nullptr) return;
  float* const product = scratch.product.reserve(tile.rows * wide);
  threads_.split(tile.rows, row_grain, [&](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      float const* const gate = rows.gate_up + row * 2 * wide;
      ops_.swiglu(gate, gate + wide, wide, product + row * wide);
    }
  });
  if (rows.out != rows.middle) std::copy(rows.middle, rows.middle + tile.rows * hidden, rows.out);
  threads_.multiply(product, tile.rows, weights_.down, rows.out, {.accumulate = true});
  adapt(Projection::Down, product, tile.rows, rows.out, hidden, scratch);
}

/// y += scale * B (A x), where the projection has an adapter.
template <class Variant>
void LayerPass<Variant>::adapt(Projection projection, float const* x, std::size_t rows, float* y, std::size_t ldy,
                               RowScratch& scratch) const {
  if (adapters_ == nullptr || !(*adapters_)[projection].there()) return;
  PackedAdapter const& adapter = (*adapters_)[projection];
  float* const low = scratch.low.reserve(rows * adapter.a.outputs());
  threads_.multiply(x, rows, adapter.a, low);
  threads_.multiply(low, rows, adapter.b, y, ldy, {.accumulate = true});
}

void embed(Weights const& weights, std::size_t hidden, std::span<TokenId const> tokens, float* x) {
  for (TokenId token : tokens) {
    std::size_t const at = static_cast<std::size_t>(token) * hidden;
    if (weights.narrow_embedding.empty()) {
      x = std::copy_n(weights.embedding.data() + at, hidden, x);
    } else {
      x = std::transform(weights.narrow_embedding.data() + at, weights.narrow_embedding.data() + at + hidden, x,
                         io::bf16_to_f32);
    }
  }
}

template class LayerPass<Qwen2>;
template class LayerPass<Qwen3>;
template class LayerPass<Llama>;

}  // namespace grove::nn::cpu::detail
