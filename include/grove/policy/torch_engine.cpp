// SPDX-License-Identifier: Apache-2.0
#include "grove/policy/torch_engine.hpp"

#include "grove/nn/torch/generation.hpp"

namespace grove {

namespace cpu = nn::cpu;

template <class Variant>
TorchEngine<Variant>::TorchEngine(io::ModelConfig const& config, CausalLmOptions const& options)
    : pool_(std::make_shared<cpu::ThreadPool>(options.threads)),
      decoder_(config, {.device = options.device, .dtype = options.dtype, .logits = options.logits}),
      memory_(std::make_unique<nn::torch::TensorMemory>(options.device)),
      entries_(cpu::Parameters::list(config)),
      cache_bytes_(options.cache_bytes) {}

template <class Variant>
void TorchEngine<Variant>::load(cpu::WeightSource const& values, std::uint64_t version) {
  if (values.parameters() != nullptr)
    decoder_.load(*values.parameters(), version);
  else
    decoder_.load(cpu::Parameters::load(*values.folder(), values.config()), version);
}

template <class Variant>
void TorchEngine<Variant>::load_adapters(cpu::Adapters const& adapters, std::uint64_t version) {
  decoder_.load_adapters(adapters, version);
}

template <class Variant>
void TorchEngine<Variant>::accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                                      nn::HeadFunction const& f, cpu::WeightSource const&, cpu::Adapters& gradients,
                                      nn::LayerDone const& done) {
  decoder_.accumulate(batch, rows, columns, f, gradients, done);
}

template <class Variant>
void TorchEngine<Variant>::score(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadOutputs const& outputs,
                                 nn::Adapted adapted) const {
  decoder_.score(batch, rows, outputs, adapted);
}

template <class Variant>
void TorchEngine<Variant>::accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                                      nn::HeadFunction const& f, nn::LayerDone const& done) {
  decoder_.accumulate(batch, rows, columns, f, done);
}

template <class Variant>
std::vector<ParameterView> TorchEngine<Variant>::parameters() {
  auto const [values, gradients] = decoder_.buffers();
  auto const dtype = decoder_.dtype();
  std::vector<ParameterView> views;
  for (auto const& entry : entries_)
    views.push_back({.name = entry.name,
                     .shape = entry.shape,
                     .size = entry.size,
                     .value = static_cast<std::byte*>(values) + entry.offset * value_bytes(dtype),
                     .gradient = gradients + entry.offset,
                     .dtype = dtype,
                     .decay = entry.shape.size() > 1,
                     .device = memory_.get()});
  return views;
}

template <class Variant>
void TorchEngine<Variant>::generate(std::span<cpu::GenerationRequest const> requests,
                                    cpu::GenerationOptions const& options, cpu::GenerationSink const& deliver) const {
  nn::torch::generate(decoder_, requests, options, deliver, *pool_, cache_bytes_);
}

template class TorchEngine<nn::Qwen2>;
template class TorchEngine<nn::Qwen3>;
template class TorchEngine<nn::Llama>;

}  // namespace grove
