// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>

#include "grove/nn/cpu/decoder_layout.hpp"
#include "grove/nn/torch/adapters.hpp"
#include "grove/nn/torch/decoder.hpp"
#include "grove/nn/torch/layer.hpp"
#include "grove/nn/torch/weights.hpp"

namespace grove::nn::torch {

template <class Variant>
struct Decoder<Variant>::Impl {
  Impl(io::ModelConfig const& model, DecoderOptions const& chosen);

  [[nodiscard]] detail::LayerAdapters const* layer_adapters(std::size_t i, Adapted adapted = Adapted::Yes) const {
    return adapters && adapted == Adapted::Yes ? &adapters->layers[i] : nullptr;
  }
  [[nodiscard]] detail::Layer<Variant> layer(std::size_t i, Adapted adapted = Adapted::Yes) const {
    return {config, weights.layers[i], layer_adapters(i, adapted), i};
  }
  [[nodiscard]] at::Tensor embed(std::span<TokenId const> tokens) const;

  io::ModelConfig config;
  DecoderOptions options;
  at::Device device;
  cpu::detail::Rotary rotary;
  detail::Weights weights;
  std::optional<detail::DeviceAdapters> adapters{};
  std::uint64_t version = 0;
};

}  // namespace grove::nn::torch
