// SPDX-License-Identifier: Apache-2.0
#include "grove/policy/cpu_engine.hpp"

namespace grove {

namespace cpu = nn::cpu;

template <class Variant>
CpuEngine<Variant>::CpuEngine(io::ModelConfig const& config, CausalLmOptions const& options)
    : pool_(std::make_shared<cpu::ThreadPool>(options.threads)),
      decoder_(std::make_unique<cpu::Decoder<Variant>>(config)),
      workspace_(std::make_unique<cpu::Workspace>(
          *pool_, cpu::WorkspaceOptions{.logits = options.logits, .recompute = options.gradient_checkpointing})),
      generator_(std::make_unique<cpu::Generator<Variant>>(*decoder_, *pool_)) {}

template <class Variant>
void CpuEngine<Variant>::load(cpu::WeightSource const& values, std::uint64_t version) {
  decoder_->load(values, version, *pool_, use_);
}

template <class Variant>
void CpuEngine<Variant>::load_adapters(cpu::Adapters const& adapters, std::uint64_t version) {
  decoder_->load_adapters(adapters, version, *pool_);
}

template <class Variant>
void CpuEngine<Variant>::score(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadOutputs const& outputs,
                               nn::Adapted adapted) const {
  decoder_->score(batch, rows, outputs, *workspace_, adapted);
}

template <class Variant>
void CpuEngine<Variant>::prepare_training(cpu::WeightSource const& values) {
  if (use_ == cpu::Use::Training) return;
  use_ = cpu::Use::Training;
  decoder_->prepare_training(values, *pool_);
}

template <class Variant>
void CpuEngine<Variant>::accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                                    nn::HeadFunction const& f, cpu::WeightSource const& values,
                                    cpu::Parameters& gradients, nn::LayerDone const& done) {
  prepare_training(values);
  decoder_->accumulate(batch, rows, columns, f, gradients, *workspace_, done);
}

template <class Variant>
void CpuEngine<Variant>::accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                                    nn::HeadFunction const& f, cpu::WeightSource const& values,
                                    cpu::Adapters& gradients, nn::LayerDone const& done) {
  prepare_training(values);
  decoder_->accumulate(batch, rows, columns, f, gradients, *workspace_, done);
}

template <class Variant>
void CpuEngine<Variant>::generate(std::span<cpu::GenerationRequest const> requests,
                                  cpu::GenerationOptions const& options, cpu::GenerationSink const& deliver) const {
  generator_->generate(requests, options, deliver);
}

template class CpuEngine<nn::Qwen2>;
template class CpuEngine<nn::Qwen3>;
template class CpuEngine<nn::Llama>;

}  // namespace grove
