// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_backward.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "grove/nn/cpu/gemm.hpp"
#include "grove/nn/cpu/ops.hpp"

namespace grove::nn::cpu::detail {

template <class Variant>
BackwardPass<Variant>::BackwardPass(Layout const& layout, Weights const& weights, PackedAdapters const& adapters,
                                    Workspace& workspace, ForwardPass<Variant> const& forward, PackedBatch batch,
                                    GradientPlaces const& to)
    : layout_(layout),
      weights_(weights),
      adapters_(adapters),
      memory_(workspace.buffers()),
      pool_(workspace.pool()),
      forward_(forward),
      batch_(batch),
      to_(to),
      rows_(batch.tokens.size()),
      ops_(row_ops()) {
  for (FloatBuffer* buffer : {&memory_.dx, &memory_.dmiddle, &memory_.dnext, &memory_.dnormed, &memory_.normed,
                              &memory_.dmlp_normed, &memory_.mlp_normed}) {
    buffer->reserve(rows_ * layout.hidden);
  }
  memory_.dattention.reserve(rows_ * layout.query_width);
  memory_.dqkv.reserve(rows_ * layout.qkv_width);
  memory_.dgate_up.reserve(rows_ * 2 * layout.intermediate);
  memory_.product.reserve(rows_ * layout.intermediate);
  memory_.inverse.reserve(rows_ * (2 + layout.config.heads + layout.config.kv_heads));
  memory_.low.reserve(projections * rows_ * adapters.rank);
  memory_.dlow.reserve(projections * rows_ * adapters.rank);
}

template <class Variant>
void BackwardPass<Variant>::run() {
  for (std::size_t index = layout_.config.layers; index-- > 0;) {
    layer(index);
    if (to_.done != nullptr && *to_.done) (*to_.done)(index);
  }
  if (!to_.weights.empty()) embedding_gradient();
}

template <class Variant>
void BackwardPass<Variant>::layer(std::size_t index) {
  forward_.repeat(index);
  std::size_t const tiles = memory_.packed.tiles();
  pool_.parallel_for(tiles, [&](std::size_t tile) { mlp_tile(index, tile); });
  attend(index);
  pool_.parallel_for(tiles, [&](std::size_t tile) { projection_tile(index, tile); });
  if (!to_.weights.empty()) {
    weight_gradients(index);
    vector_gradients(index);
  }
  if (to_.adapters != nullptr) adapter_gradients(index);
  std::swap(memory_.dx, memory_.dnext);
}

/// From the gradient of the layer's output to those of its middle and of the attention's output.
template <class Variant>
void BackwardPass<Variant>::mlp_tile(std::size_t layer, std::size_t tile) {
  ScratchPool::Lease const scratch(memory_.scratch);
  LayerWeights const& weights = weights_.layers[layer];
  std::size_t const begin = memory_.packed.begin(tile);
  std::size_t const count = memory_.packed.count(tile);
  std::size_t const hidden = layout_.hidden;
  std::size_t const wide = layout_.intermediate;
  LayerRows const kept = forward_.rows(layer, begin);
  float const* const dx = memory_.dx.data() + begin * hidden;
  float* const dproduct = scratch->product.reserve(count * wide);
  float* const dgate_up = memory_.dgate_up.data() + begin * 2 * wide;
  float* const product = memory_.product.data() + begin * wide;
  gemm_tile(dx, hidden, count, weights.down_back, 0, wide, dproduct, wide);
  adapt_back(layer, Projection::Down, tile, dproduct);
  for (std::size_t row = 0; row < count; ++row) {
    float const* const gate = kept.gate_up + row * 2 * wide;
    float* const dgate = dgate_up + row * 2 * wide;
    ops_.swiglu_backward(dproduct + row * wide, gate, gate + wide, wide, dgate, dgate + wide, product + row * wide);
  }
  adapter_state(layer, Projection::Down, tile);
  float* const dnormed = memory_.dmlp_normed.data() + begin * hidden;
  float* const normed = memory_.mlp_normed.data() + begin * hidden;
  float* const dmiddle = memory_.dmiddle.data() + begin * hidden;
  float const* const norm = weights.mlp_norm.data();
  gemm_tile(dgate_up, 2 * wide, count, weights.gate_up_back, 0, hidden, dnormed, hidden);
  for (Projection p : {Projection::Gate, Projection::Up}) adapt_back(layer, p, tile, dnormed);
  std::copy_n(dx, count * hidden, dmiddle);
  for (std::size_t row = 0; row < count; ++row) {
    float const* const middle = kept.middle + row * hidden;
    memory_.inverse.data()[begin + row] = ops_.rms_norm(middle, norm, hidden, layout_.epsilon, normed + row * hidden);
    ops_.rms_norm_backward(dnormed + row * hidden, middle, norm, hidden, layout_.epsilon, dmiddle + row * hidden);
  }
  std::size_t const queries = layout_.query_width;
  float* const dattention = memory_.dattention.data() + begin * queries;
  gemm_tile(dmiddle, hidden, count, weights.out_back, 0, queries, dattention, queries);
  adapt_back(layer, Projection::Output, tile, dattention);
  for (Projection p : {Projection::Gate, Projection::Up, Projection::Output}) adapter_state(layer, p, tile);
}

template <class Variant>
void BackwardPass<Variant>::attend(std::size_t layer) {
  std::size_t const heads = layout_.config.kv_heads;
  pool_.parallel_for(batch_.sequences() * heads,
                     [&](std::size_t item) { attend_sequence(layer, item / heads, item % heads); });
}

template <class Variant>
void BackwardPass<Variant>::attend_sequence(std::size_t layer, std::size_t sequence, std::size_t head) {
  ScratchPool::Lease const scratch(memory_.scratch);
  AttentionShape const& shape = layout_.attention[layer];
  std::size_t const begin = batch_.cu_seqlens[sequence];
  std::size_t const dim = shape.head_dim;
  std::size_t const first = head * shape.group * dim;
  std::size_t const key = layout_.query_width + head * dim;
  LayerRows const kept = forward_.rows(layer, begin);
  float* const dqkv = memory_.dqkv.data() + begin * layout_.qkv_width;
  AttentionGradient g;
  g.rows = batch_.cu_seqlens[sequence + 1] - begin;
  g.q = kept.qkv + first;
  g.k = kept.qkv + key;
  g.v = kept.qkv + key + layout_.key_width;
  g.ld = layout_.qkv_width;
  g.out = kept.attention + first;
  g.dout = memory_.dattention.data() + begin * layout_.query_width + first;
  g.ldo = layout_.query_width;
  g.statistics = kept.statistics + 2 * head * shape.group;
  g.lds = 2 * layout_.config.heads;
  g.dq = dqkv + first;
  g.dk = dqkv + key;
  g.dv = dqkv + key + layout_.key_width;
  g.ldd = layout_.qkv_width;
  g.scratch = scratch->scores.reserve(attention_backward_scratch(g.rows, shape.value_stride));
  ops_.attend_backward(shape, g);
}

/// From the gradients of queries, keys and values to that of the layer's input.
template <class Variant>
void BackwardPass<Variant>::projection_tile(std::size_t layer, std::size_t tile) {
  LayerWeights const& weights = weights_.layers[layer];
  std::size_t const begin = memory_.packed.begin(tile);
  std::size_t const count = memory_.packed.count(tile);
  std::size_t const hidden = layout_.hidden;
  LayerRows const kept = forward_.rows(layer, begin);
  std::size_t const heads = layout_.config.heads + layout_.config.kv_heads;
  for (std::size_t row = begin; row < begin + count; ++row) {
    turn_heads_back(layer, row, memory_.inverse.data() + 2 * rows_ + row * heads);
  }
  float* const dqkv = memory_.dqkv.data() + begin * layout_.qkv_width;
  float* const dnormed = memory_.dnormed.data() + begin * hidden;
  float* const normed = memory_.normed.data() + begin * hidden;
  float* const dnext = memory_.dnext.data() + begin * hidden;
  float const* const norm = weights.input_norm.data();
  gemm_tile(dqkv, layout_.qkv_width, count, weights.qkv_back, 0, hidden, dnormed, hidden);
  constexpr std::array of_qkv = {Projection::Query, Projection::Key, Projection::Value};
  for (Projection p : of_qkv) adapt_back(layer, p, tile, dnormed);
  std::copy_n(memory_.dmiddle.data() + begin * hidden, count * hidden, dnext);
  for (std::size_t row = 0; row < count; ++row) {
    float const* const x = kept.x + row * hidden;
    float* const inverse = memory_.inverse.data() + rows_ + begin;
    inverse[row] = ops_.rms_norm(x, norm, hidden, layout_.epsilon, normed + row * hidden);
    ops_.rms_norm_backward(dnormed + row * hidden, x, norm, hidden, layout_.epsilon, dnext + row * hidden);
  }
  for (Projection p : of_qkv) adapter_state(layer, p, tile);
}

/// Rotation and head norms of one row's queries and keys, backwards. For the gradients of the norms' weights it leaves
/// the gradients of their outputs where the turned queries and keys were, which nobody needs any more.
template <class Variant>
void BackwardPass<Variant>::turn_heads_back(std::size_t layer, std::size_t row, float* inverse) {
  std::size_t const dim = layout_.config.head_dim;
  std::size_t const half = layout_.rotary.half();
  std::size_t const heads = layout_.config.heads;
  float* const dqkv = memory_.dqkv.data() + row * layout_.qkv_width;
  float const* const angles = memory_.angles.data() + row * 2 * half;
  for (std::size_t head = 0; head < heads + layout_.config.kv_heads; ++head) {
    float* const d = dqkv + head * dim;  // the keys' heads follow the queries'
    ops_.rotate(d, angles, angles + half, half, true);
    if constexpr (Variant::qk_norm) {
      LayerWeights const& weights = weights_.layers[layer];
      float const* const norm = head < heads ? weights.query_norm.data() : weights.key_norm.data();
      LayerRows const kept = forward_.rows(layer, row);
      float const* const raw = kept.raw + head * dim;
      float* const dnormed = kept.qkv + head * dim;
      inverse[head] = ops_.rms_norm(raw, norm, dim, layout_.epsilon, dnormed);
      std::copy_n(d, dim, dnormed);
      std::fill_n(d, dim, 0.0F);
      ops_.rms_norm_backward(dnormed, raw, norm, dim, layout_.epsilon, d);
    }
  }
}

template <class Variant>
void BackwardPass<Variant>::weight_gradients(std::size_t layer) {
  LayerOffsets const& at = to_.offsets.layers[layer];
  LayerRows const kept = forward_.rows(layer, 0);
  auto const add = [&](float const* dy, std::size_t n, float const* x, std::size_t k, std::size_t offset) {
    gemm_weight_gradient(pool_, dy, n, x, k, rows_, n, k, to_.weights.data() + offset, k);
  };
  std::size_t const hidden = layout_.hidden;
  std::size_t const wide = layout_.intermediate;
  add(memory_.dx.data(), hidden, memory_.product.data(), wide, at.down);
  add(memory_.dgate_up.data(), 2 * wide, memory_.mlp_normed.data(), hidden, at.gate_up);
  add(memory_.dmiddle.data(), hidden, kept.attention, layout_.query_width, at.out);
  add(memory_.dqkv.data(), layout_.qkv_width, memory_.normed.data(), hidden, at.qkv);
}

/// Gradients of norms and biases.
template <class Variant>
void BackwardPass<Variant>::vector_gradients(std::size_t layer) {
  LayerOffsets const& at = to_.offsets.layers[layer];
  LayerRows const kept = forward_.rows(layer, 0);
  std::size_t const hidden = layout_.hidden;
  std::size_t const width = layout_.qkv_width;
  auto const norm = [&](float const* dy, float const* x, float const* inverse, std::size_t offset) {
    ops_.rms_norm_weight_backward(dy, hidden, x, hidden, inverse, rows_, hidden, to_.weights.data() + offset);
  };
  pool_.parallel_for(5, [&](std::size_t task) {
    float const* const inverse = memory_.inverse.data();
    if (task == 0) norm(memory_.dmlp_normed.data(), kept.middle, inverse, at.mlp_norm);
    if (task == 1) norm(memory_.dnormed.data(), kept.x, inverse + rows_, at.input_norm);
    if (task == 2 && layout_.config.qkv_bias) {
      ops_.column_sums(memory_.dqkv.data(), width, rows_, width, to_.weights.data() + at.qkv_bias);
    }
    if (task == 3 && layout_.config.output_bias) {
      ops_.column_sums(memory_.dmiddle.data(), hidden, rows_, hidden, to_.weights.data() + at.out_bias);
    }
    if (Variant::qk_norm && task == 4) head_norm_gradients(layer);
  });
}

template <class Variant>
void BackwardPass<Variant>::head_norm_gradients(std::size_t layer) {
  LayerOffsets const& at = to_.offsets.layers[layer];
  std::size_t const dim = layout_.config.head_dim;
  std::size_t const heads = layout_.config.heads;
  std::size_t const kv_heads = layout_.config.kv_heads;
  for (std::size_t row = 0; row < rows_; ++row) {
    LayerRows const kept = forward_.rows(layer, row);
    float const* const inverse = memory_.inverse.data() + 2 * rows_ + row * (heads + kv_heads);
    ops_.rms_norm_weight_backward(kept.qkv, dim, kept.raw, dim, inverse, heads, dim,
                                  to_.weights.data() + at.query_norm);
    ops_.rms_norm_weight_backward(kept.qkv + layout_.query_width, dim, kept.raw + layout_.query_width, dim,
                                  inverse + heads, kv_heads, dim, to_.weights.data() + at.key_norm);
  }
}

/// Every token's dx to its row of the embedding: a task has some columns and goes through all tokens.
template <class Variant>
void BackwardPass<Variant>::embedding_gradient() {
  constexpr std::size_t columns = 64;
  std::size_t const hidden = layout_.hidden;
  pool_.parallel_for((hidden + columns - 1) / columns, [&](std::size_t task) {
    std::size_t const first = task * columns;
    std::size_t const count = std::min(columns, hidden - first);
    float* const table = to_.weights.data() + to_.offsets.embedding + first;
    for (std::size_t row = 0; row < rows_; ++row) {
      float* const to = table + static_cast<std::size_t>(batch_.tokens[row]) * hidden;
      ops_.add(memory_.dx.data() + row * hidden + first, count, to);
    }
  });
}

template <class Variant>
auto BackwardPass<Variant>::ends(std::size_t layer, Projection projection) const -> Ends {
  std::size_t const hidden = layout_.hidden;
  std::size_t const wide = layout_.intermediate;
  std::size_t const queries = layout_.query_width;
  std::size_t const keys = layout_.key_width;
  float const* const dqkv = memory_.dqkv.data();
  float const* const dgate_up = memory_.dgate_up.data();
  float const* const normed = memory_.normed.data();
  switch (projection) {
    case Projection::Query:
      return {normed, hidden, dqkv, queries, layout_.qkv_width};
    case Projection::Key:
      return {normed, hidden, dqkv + queries, keys, layout_.qkv_width};
    case Projection::Value:
      return {normed, hidden, dqkv + queries + keys, keys, layout_.qkv_width};
    case Projection::Output:
      return {forward_.rows(layer, 0).attention, queries, memory_.dmiddle.data(), hidden, hidden};
    case Projection::Gate:
      return {memory_.mlp_normed.data(), hidden, dgate_up, wide, 2 * wide};
    case Projection::Up:
      return {memory_.mlp_normed.data(), hidden, dgate_up + wide, wide, 2 * wide};
    case Projection::Down:
      return {memory_.product.data(), wide, memory_.dx.data(), hidden, hidden};
  }
  return {};
}

/// From the gradient of a projection's output, through its adapter, to that of its input: dx += A^T (B^T dy).
template <class Variant>
void BackwardPass<Variant>::adapt_back(std::size_t layer, Projection projection, std::size_t tile, float* dx) {
  auto const* const adapters = adapters_.layer(layer);
  if (adapters == nullptr || !(*adapters)[projection].there()) return;
  PackedAdapter const& adapter = (*adapters)[projection];
  Ends const e = ends(layer, projection);
  std::size_t const begin = memory_.packed.begin(tile);
  std::size_t const count = memory_.packed.count(tile);
  float* const dlow = low(memory_.dlow, projection, begin);
  gemm_tile(e.dy + begin * e.ldy, e.ldy, count, adapter.b_back, 0, adapters_.rank, dlow, adapters_.rank);
  gemm_tile(dlow, adapters_.rank, count, adapter.a_back, 0, e.in, dx, e.in, {.accumulate = true});
}

/// scale * A x once more, which the gradient of B is made of.
template <class Variant>
void BackwardPass<Variant>::adapter_state(std::size_t layer, Projection projection, std::size_t tile) {
  auto const* const adapters = adapters_.layer(layer);
  if (adapters == nullptr || !(*adapters)[projection].there()) return;
  Ends const e = ends(layer, projection);
  std::size_t const begin = memory_.packed.begin(tile);
  std::size_t const count = memory_.packed.count(tile);
  float* const state = low(memory_.low, projection, begin);
  gemm_tile(e.x + begin * e.in, e.in, count, (*adapters)[projection].a, 0, adapters_.rank, state, adapters_.rank);
  for (std::size_t i = 0; i < count * adapters_.rank; ++i) state[i] *= adapters_.scale;
}

/// dA += (B^T dy)^T x and dB += dy^T (scale A x), sums over all rows in order.
template <class Variant>
void BackwardPass<Variant>::adapter_gradients(std::size_t layer) {
  std::size_t const rank = adapters_.rank;
  for (std::size_t p = 0; p < projections; ++p) {
    auto const projection = static_cast<Projection>(p);
    if (!adapters_.layers[layer].of[p].there()) continue;
    Ends const e = ends(layer, projection);
    float* const to = to_.adapters->values().data();
    float* const da = to + to_.adapters->offset_of_a(layer, projection);
    float* const db = to + to_.adapters->offset_of_b(layer, projection);
    gemm_weight_gradient(pool_, low(memory_.dlow, projection, 0), rank, e.x, e.in, rows_, rank, e.in, da, e.in);
    gemm_weight_gradient(pool_, e.dy, e.ldy, low(memory_.low, projection, 0), rank, rows_, e.out, rank, db, rank);
  }
}

template class BackwardPass<Qwen2>;
template class BackwardPass<Qwen3>;
template class BackwardPass<Llama>;

}  // namespace grove::nn::cpu::detail
