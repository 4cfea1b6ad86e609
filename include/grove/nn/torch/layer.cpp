// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/layer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>

#include <optional>

#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {
namespace {

using cpu::Projection;

/// In f32 whatever the dtype: angles of late positions need it.
at::Tensor rotate(at::Tensor const& x, Angles const& angles) {
  auto const wide = x.to(at::kFloat);
  auto const half = x.size(-1) / 2;
  auto const a = wide.narrow(-1, 0, half);
  auto const b = wide.narrow(-1, half, half);
  auto const turned_a = a * angles.cosine - b * angles.sine;
  auto const turned_b = b * angles.cosine + a * angles.sine;
  return at::cat(at::TensorList({turned_a, turned_b}), -1).to(x.scalar_type());
}

/// Which of `end` keys the last n queries see; see attend_sequence.
at::Tensor band(std::int64_t n, std::int64_t end, std::int64_t window, at::Device device) {
  auto const before = end - n;
  auto const all = at::ones({n, end}, at::TensorOptions().dtype(at::kBool).device(device)).tril_(before);
  return window == 0 ? all : all.triu(before + 1 - window);
}

}  // namespace

Angles angles_of(cpu::detail::Rotary const& rotary, std::span<std::size_t const> positions, at::Device device) {
  auto const half = rotary.half();
  std::vector<float> rows(positions.size() * 2 * half);
  for (std::size_t i = 0; i < positions.size(); ++i) rotary.fill(positions[i], rows.data() + i * 2 * half);
  auto const both = floats(rows, device).view({extent(positions.size()), 1, 2 * extent(half)});
  return {both.narrow(-1, 0, extent(half)), both.narrow(-1, extent(half), extent(half))};
}

at::Tensor attend_sequence(at::Tensor const& query, at::Tensor const& keys, at::Tensor const& values,
                           std::size_t window) {
  auto const n = query.size(0), end = keys.size(1), width = extent(window);
  std::optional<at::Tensor> mask;
  if (end > n || (width != 0 && end > width)) mask = band(n, end, width, query.device());
  auto const attention =
      at::scaled_dot_product_attention(query.transpose(0, 1).unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0), mask,
                                       0.0, !mask.has_value(), std::nullopt, query.size(1) != keys.size(0));
  return attention.squeeze(0).transpose(0, 1).reshape({n, -1});
}

at::Tensor rms_norm(at::Tensor const& x, Weight const& weight, io::ModelConfig const& config) {
  return at::rms_norm(x, {x.size(-1)}, weight.value, config.rms_norm_eps);
}

template <class Variant>
Layer<Variant>::Layer(io::ModelConfig const& config, LayerWeights const& weights, LayerAdapters const* adapters,
                      std::size_t index)
    : config_(config),
      weights_(adapters != nullptr ? weights.frozen() : weights),
      adapters_(adapters),
      window_(index < config.windows.size() ? config.windows[index].value_or(0) : 0) {}

template <class Variant>
Heads Layer<Variant>::project(at::Tensor const& x, Angles const& angles) const {
  auto const qkv = product(rms_norm(x, weights_.input_norm, config_), weights_.qkv, weights_.qkv_bias, adapters_,
                           {Projection::Query, Projection::Key, Projection::Value});
  auto const dim = extent(config_.head_dim);
  std::int64_t begin = 0;
  auto const take = [&](std::size_t heads) {
    auto const width = extent(heads) * dim;
    auto part = qkv.narrow(1, begin, width).view({x.size(0), extent(heads), dim});
    begin += width;
    return part;
  };
  Heads heads{take(config_.heads), take(config_.kv_heads), take(config_.kv_heads)};
  if constexpr (Variant::qk_norm) {
    heads.query = rms_norm(heads.query, weights_.query_norm, config_);
    heads.key = rms_norm(heads.key, weights_.key_norm, config_);
  }
  heads.query = rotate(heads.query, angles);
  heads.key = rotate(heads.key, angles);
  return heads;
}

template <class Variant>
at::Tensor Layer<Variant>::attend(Heads const& heads, std::span<std::size_t const> cu_seqlens) const {
  std::vector<at::Tensor> parts;
  for (std::size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
    auto const begin = extent(cu_seqlens[s]);
    auto const n = extent(cu_seqlens[s + 1]) - begin;
    auto const of = [&](at::Tensor const& t) { return t.narrow(0, begin, n); };
    parts.push_back(
        attend_sequence(of(heads.query), of(heads.key).transpose(0, 1), of(heads.value).transpose(0, 1), window_));
  }
  return at::cat(parts, 0);
}

template <class Variant>
at::Tensor Layer<Variant>::finish(at::Tensor const& x, at::Tensor const& attention) const {
  auto const middle = x + product(attention, weights_.out, weights_.out_bias, adapters_, {Projection::Output});
  auto const parts = product(rms_norm(middle, weights_.mlp_norm, config_), weights_.gate_up, {}, adapters_,
                             {Projection::Gate, Projection::Up})
                         .chunk(2, -1);
  return middle + product(at::silu(parts[0]) * parts[1], weights_.down, {}, adapters_, {Projection::Down});
}

template class Layer<Qwen2>;
template class Layer<Qwen3>;
template class Layer<Llama>;

}  // namespace grove::nn::torch::detail
