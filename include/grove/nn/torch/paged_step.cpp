// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/paged_step.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {
namespace {

using cpu::Projection;

template <class T>
T* data(at::Tensor const& t) {
  return t.defined() ? static_cast<T*>(t.mutable_data_ptr()) : nullptr;
}

/// Where the parts of a step's inputs begin, in bytes.
struct InputPlaces {
  explicit InputPlaces(StepShape shape)
      : tokens(shape.rows * sizeof(Draw)),
        positions(tokens + shape.rows * sizeof(std::int32_t)),
        lengths(positions + shape.rows * sizeof(std::int32_t)),
        pages(lengths + shape.rows * sizeof(std::int32_t)),
        size(pages + shape.rows * shape.pages * sizeof(std::int32_t)) {}
  std::size_t tokens, positions, lengths, pages, size;
};

}  // namespace

template <class Variant>
PagedStep<Variant>::PagedStep(Impl const& model, PagedCache const& cache, DecodeKernels const& kernels, StepShape shape,
                              std::optional<StepDraws> const& draws)
    : model_(model), cache_(cache), kernels_(kernels), shape_(shape), draws_(draws) {
  auto const& config = model.config;
  auto const options = at::TensorOptions().device(model.device);
  inputs_ = at::empty({extent(InputPlaces(shape).size)}, options.dtype(at::kByte));
  partial_ = at::empty({extent(cuda::attention_scratch(shape.rows, config.heads, config.head_dim, shape.pages))},
                       options.dtype(at::kFloat));
  if (draws) drawn_ = at::empty({extent(shape.rows * sizeof(cuda::DrawnToken))}, options.dtype(at::kByte));
}

template <class Variant>
void PagedStep<Variant>::fill(std::span<StepRow const> rows, std::span<Draw const> draws) {
  InputPlaces const places(shape_);
  std::vector<std::byte> bytes(places.size);
  auto const put = [&](std::size_t place, std::size_t index, std::size_t value) {
    auto const narrow = static_cast<std::int32_t>(value);
    std::memcpy(bytes.data() + place + index * sizeof narrow, &narrow, sizeof narrow);
  };
  if (!draws.empty()) std::memcpy(bytes.data(), draws.data(), draws.size_bytes());
  auto const& table = cache_.table();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const& row = rows[i];
    auto const pages = table.pages(row.slot);
    put(places.tokens, i, static_cast<std::size_t>(row.token));
    put(places.positions, i, table.first_position(row.slot) + row.index);
    put(places.lengths, i, row.index + 1);
    std::memcpy(bytes.data() + places.pages + i * shape_.pages * sizeof(std::int32_t), pages.data(),
                pages.size_bytes());
  }
  inputs_.copy_(at::from_blob(bytes.data(), {extent(bytes.size())}, at::kByte));
}

template <class Variant>
template <class T>
void PagedStep<Variant>::queue_layers() {
  auto const& config = model_.config;
  auto const rows = static_cast<unsigned>(shape_.rows);
  auto const hidden = static_cast<unsigned>(config.hidden_size);
  InputPlaces const places(shape_);
  auto* const inputs = data<std::byte>(inputs_);
  auto const ints = [&](std::size_t place) { return reinterpret_cast<std::int32_t const*>(inputs + place); };
  auto const tokens = inputs_.narrow(0, extent(places.tokens), extent(places.positions - places.tokens)).view(at::kInt);
  auto const x = at::index_select(model_.weights.embedding.value.detach(), 0, tokens);
  auto const normed = at::empty_like(x);
  auto const add_norm = [&](at::Tensor const& delta, Weight const& weight) {
    kernels_.add_norm(cuda::AddNorm<T>{.x = data<T>(x),
                                       .delta = data<T>(delta),
                                       .weight = data<T>(weight.value),
                                       .normed = data<T>(normed),
                                       .rows = rows,
                                       .n = hidden,
                                       .epsilon = static_cast<float>(config.rms_norm_eps)});
  };
  auto const attention = at::empty({extent(shape_.rows), extent(config.heads * config.head_dim)}, x.options());
  auto const gated = at::empty({extent(shape_.rows), extent(config.intermediate_size)}, x.options());
  add_norm({}, model_.weights.layers[0].input_norm);
  for (std::size_t i = 0; i < config.layers; ++i) {
    auto const& weights = model_.weights.layers[i];
    auto const* const adapters = model_.layer_adapters(i);
    auto const qkv = product(normed, weights.qkv, weights.qkv_bias, adapters,
                             {Projection::Query, Projection::Key, Projection::Value});
    cuda::RotateAndStore<T> const rotation{.qkv = data<T>(qkv),
                                           .rows = rows,
                                           .heads = static_cast<unsigned>(config.heads),
                                           .kv_heads = static_cast<unsigned>(config.kv_heads),
                                           .head_dim = static_cast<unsigned>(config.head_dim),
                                           .query_norm = data<T>(weights.query_norm.value),
                                           .key_norm = data<T>(weights.key_norm.value),
                                           .epsilon = static_cast<float>(config.rms_norm_eps),
                                           .angles = data<float>(cache_.angles()),
                                           .positions = ints(places.positions),
                                           .lengths = ints(places.lengths),
                                           .pages = ints(places.pages),
                                           .page_capacity = static_cast<unsigned>(shape_.pages),
                                           .keys = data<T>(cache_.keys(i)),
                                           .values = data<T>(cache_.values(i))};
    kernels_.rotate_and_store(rotation);
    kernels_.attend(cuda::PagedAttention<T>{.query = rotation.qkv,
                                            .query_stride = std::size_t{rotation.all_heads()} * rotation.head_dim,
                                            .keys = rotation.keys,
                                            .values = rotation.values,
                                            .pages = rotation.pages,
                                            .page_capacity = rotation.page_capacity,
                                            .lengths = rotation.lengths,
                                            .rows = rows,
                                            .heads = rotation.heads,
                                            .kv_heads = rotation.kv_heads,
                                            .head_dim = rotation.head_dim,
                                            .window = static_cast<unsigned>(model_.layer(i).window()),
                                            .scale = 1.0F / std::sqrt(static_cast<float>(config.head_dim)),
                                            .out = data<T>(attention),
                                            .partial = data<float>(partial_)});
    add_norm(product(attention, weights.out, weights.out_bias, adapters, {Projection::Output}), weights.mlp_norm);
    auto const gate_up = product(normed, weights.gate_up, {}, adapters, {Projection::Gate, Projection::Up});
    kernels_.gated_silu(cuda::GatedSilu<T>{.gate_up = data<T>(gate_up),
                                           .out = data<T>(gated),
                                           .rows = rows,
                                           .n = static_cast<unsigned>(config.intermediate_size)});
    bool const last = i + 1 == config.layers;
    add_norm(product(gated, weights.down, {}, adapters, {Projection::Down}),
             last ? model_.weights.norm : model_.weights.layers[i + 1].input_norm);
  }
  result_ = shape_.prompt ? normed : kernels_.logits(normed, model_.weights.head.value.detach());
}

template <class Variant>
void PagedStep<Variant>::queue() {
  if (model_.options.dtype == Dtype::BF16)
    queue_layers<cuda::Bf16>();
  else
    queue_layers<float>();
  if (!draws_ || shape_.prompt) return;
  kernels_.sample({.logits = data<float>(result_),
                   .rows = static_cast<unsigned>(shape_.rows),
                   .vocabulary = static_cast<unsigned>(model_.config.vocab_size),
                   .rule = draws_->rule,
                   .random = draws_->random,
                   .draws = data<Draw>(inputs_),
                   .drawn = data<cuda::DrawnToken>(drawn_)});
}

template <class Variant>
void PagedStep<Variant>::run(StepMode mode) {
  if (mode == StepMode::Run) return queue();
  if (mode == StepMode::Record || !recorded_) recorded_ = kernels_.record([this] { queue(); });
  recorded_->replay();
}

template <class Variant>
void PagedStep<Variant>::read(std::span<cuda::DrawnToken> drawn) const {
  auto const bytes = std::as_writable_bytes(drawn);
  at::from_blob(bytes.data(), {extent(bytes.size())}, at::kByte).copy_(drawn_.narrow(0, 0, extent(bytes.size())));
}

template class PagedStep<Qwen2>;
template class PagedStep<Qwen3>;
template class PagedStep<Llama>;

}  // namespace grove::nn::torch::detail
