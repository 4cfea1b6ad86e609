// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/weights.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "grove/nn/cpu/decoder_layout.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {

LayerWeights LayerWeights::frozen() const {
  return {.input_norm = input_norm.frozen(),
          .qkv = qkv.frozen(),
          .qkv_bias = qkv_bias.frozen(),
          .query_norm = query_norm.frozen(),
          .key_norm = key_norm.frozen(),
          .out = out.frozen(),
          .out_bias = out_bias.frozen(),
          .mlp_norm = mlp_norm.frozen(),
          .gate_up = gate_up.frozen(),
          .down = down.frozen()};
}

Weights::Weights(io::ModelConfig const& config, Dtype dtype, Device device) {
  cpu::detail::Offsets const offsets(config);
  values_ = at::zeros({extent(offsets.size)}, at::TensorOptions().dtype(at_dtype(dtype)).device(at_device(device)));
  auto const hidden = extent(config.hidden_size);
  auto const head_dim = extent(config.head_dim);
  auto const queries = extent(config.heads) * head_dim;
  auto const qkv = queries + 2 * extent(config.kv_heads) * head_dim;
  auto const wide = extent(config.intermediate_size);
  auto const vocab = extent(config.vocab_size);
  auto const maybe = [this](bool there, std::size_t offset, std::int64_t n) {
    return there ? part(offset, {n}) : Weight{};
  };
  for (auto const& o : offsets.layers) {
    layers.push_back({.input_norm = part(o.input_norm, {hidden}),
                      .qkv = part(o.qkv, {qkv, hidden}),
                      .qkv_bias = maybe(config.qkv_bias, o.qkv_bias, qkv),
                      .query_norm = maybe(config.qk_norm, o.query_norm, head_dim),
                      .key_norm = maybe(config.qk_norm, o.key_norm, head_dim),
                      .out = part(o.out, {hidden, queries}),
                      .out_bias = maybe(config.output_bias, o.out_bias, hidden),
                      .mlp_norm = part(o.mlp_norm, {hidden}),
                      .gate_up = part(o.gate_up, {2 * wide, hidden}),
                      .down = part(o.down, {hidden, wide})});
  }
  embedding = part(offsets.embedding, {vocab, hidden});
  norm = part(offsets.norm, {hidden});
  head = part(offsets.head, {vocab, hidden});
}

Weight Weights::part(std::size_t offset, at::IntArrayRef shape) const {
  std::int64_t size = 1;
  for (auto n : shape) size *= n;
  auto value = values_.narrow(0, extent(offset), size).view(shape).detach();
  value.requires_grad_(true);
  return {value, offset, static_cast<std::size_t>(size)};
}

void Weights::load(cpu::Parameters const& parameters) {
  for (auto const& entry : parameters.entries())  // one at a time: a conversion takes memory of the piece's size
    values_.narrow(0, extent(entry.offset), extent(entry.size))
        .copy_(view(parameters.values().subspan(entry.offset, entry.size)).to(values_.scalar_type()));
}

void Weights::read(cpu::Parameters& to) const {
  for (auto const& entry : to.entries())
    view(to.values().subspan(entry.offset, entry.size))
        .copy_(values_.narrow(0, extent(entry.offset), extent(entry.size)));
}

void Weights::offload() {
  if (device_bytes() == 0) return;
  if (!host_.defined()) {
    host_ = at::empty(values_.sizes(), values_.options().device(at::kCPU));
    host_.copy_(values_);
  }
  gradients_.reset();
  auto* const storage = values_.storage().unsafeGetStorageImpl();  // the leaves share it
  storage->set_data_ptr_noswap({nullptr, values_.device()});
  storage->set_nbytes(0);
}

void Weights::onload() {
  if (values_.storage().nbytes() > 0) return;
  auto* const storage = values_.storage().unsafeGetStorageImpl();
  storage->set_data_ptr_noswap(storage->allocator()->allocate(host_.nbytes()));
  storage->set_nbytes(host_.nbytes());
  values_.copy_(host_);
}

std::size_t Weights::device_bytes() const {
  return values_.storage().nbytes() + (gradients_.defined() ? gradients_.nbytes() : 0);
}

void* Weights::values() const { return values_.data_ptr(); }

float* Weights::gradients() {
  if (!gradients_.defined()) gradients_ = at::zeros(values_.sizes(), values_.options().dtype(at::kFloat));
  return gradients_.data_ptr<float>();
}

at::Tensor Weights::gradient(Weight const& weight) {
  static_cast<void>(gradients());
  return gradients_.narrow(0, extent(weight.offset), extent(weight.size)).view(weight.value.sizes());
}

void Weights::collect(Weight const& weight) {
  if (!weight.value.defined()) return;
  auto& found = weight.value.mutable_grad();
  if (found.defined()) gradient(weight).add_(found);
  found.reset();
}

void Weights::collect(LayerWeights const& layer) {
  for (auto const* weight : layer.all()) collect(*weight);
}

void Weights::drop_strays() {
  norm.value.mutable_grad().reset();
  for (auto const& layer : layers)
    for (auto const* weight : layer.all())
      if (weight->value.defined()) weight->value.mutable_grad().reset();
}

void Weights::take_gradients(cpu::Parameters& to) {
  if (!gradients_.defined()) return;
  for (auto const& entry : to.entries())
    view(to.values().subspan(entry.offset, entry.size))
        .add_(gradients_.narrow(0, extent(entry.offset), extent(entry.size)).to(at::kCPU));
  gradients_.zero_();
}

}  // namespace grove::nn::torch::detail
