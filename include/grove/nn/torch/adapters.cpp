// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/adapters.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>

#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {

at::Tensor product(at::Tensor const& x, Weight const& weight, Weight const& bias, LayerAdapters const* adapters,
                   std::initializer_list<cpu::Projection> projections) {
  auto y = at::linear(x, weight.value, bias.value.defined() ? std::optional(bias.value) : std::nullopt);
  auto const has = [&](cpu::Projection p) { return adapters != nullptr && (*adapters)[p].a.defined(); };
  if (std::ranges::none_of(projections, has)) return y;
  std::vector<at::Tensor> added;
  for (auto const p : projections) {
    auto const& adapter = (*adapters)[p];
    added.push_back(has(p) ? at::linear(at::linear(x, adapter.a) * adapters->scale, adapter.b)
                           : at::zeros({x.size(0), adapter.out}, x.options()));
  }
  return y + (added.size() == 1 ? added.front() : at::cat(added, -1));
}

DeviceAdapters::DeviceAdapters(cpu::Adapters const& adapters, io::ModelConfig const& config, Dtype dtype, Device device)
    : shape_(adapters.shape()),
      values_(at::zeros({extent(adapters.values().size())},
                        at::TensorOptions().dtype(at_dtype(dtype)).device(at_device(device)))) {
  auto const leaf = [this](std::size_t offset, std::size_t rows, std::size_t columns) {
    return values_.narrow(0, extent(offset), extent(rows * columns))
        .view({extent(rows), extent(columns)})
        .detach()
        .requires_grad_(true);
  };
  auto const of_layer = adapters.values().size() / config.layers;
  for (std::size_t l = 0; l < config.layers; ++l) {
    auto& layer = layers.emplace_back(LayerAdapters{.scale = shape_.scale, .first = l * of_layer, .size = of_layer});
    for (std::size_t i = 0; i < cpu::projections; ++i) {
      auto const p = static_cast<cpu::Projection>(i);
      auto const [in, out] = cpu::size_of(p, config);
      layer.of[i].out = extent(out);
      if (!shape_.has(p)) continue;
      layer.of[i].a = leaf(adapters.offset_of_a(l, p), shape_.rank, in);
      layer.of[i].b = leaf(adapters.offset_of_b(l, p), out, shape_.rank);
    }
  }
  load(adapters);
}

void DeviceAdapters::load(cpu::Adapters const& adapters) { values_.copy_(view(adapters.values())); }

void DeviceAdapters::take_gradients(std::size_t layer, cpu::Adapters& to) {
  std::vector<at::Tensor> found;  // in the order of cpu::Adapters: projections, A before B
  for (auto& adapter : layers[layer].of) {
    if (!adapter.a.defined()) continue;
    for (auto* leaf : {&adapter.a, &adapter.b}) {
      found.push_back(leaf->grad().reshape(-1));
      leaf->mutable_grad().reset();
    }
  }
  auto const gradient = at::cat(found).to(at::kCPU, at::kFloat);
  view(to.values().subspan(layers[layer].first, layers[layer].size)).add_(gradient);
}

void DeviceAdapters::drop_strays() {
  for (auto& layer : layers)
    for (auto& adapter : layer.of) {
      if (adapter.a.defined()) adapter.a.mutable_grad().reset();
      if (adapter.b.defined()) adapter.b.mutable_grad().reset();
    }
}

}  // namespace grove::nn::torch::detail
