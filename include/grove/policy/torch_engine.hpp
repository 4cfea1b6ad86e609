// SPDX-License-Identifier: Apache-2.0
// LibTorch's decoder as CausalLm uses it. Parameters and gradients lie on the device, where the optimizer has its
// masters and moments as well unless it is told to keep them with the host.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "grove/nn/cpu/adapters.hpp"
#include "grove/nn/cpu/generation_options.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/nn/cpu/weight_source.hpp"
#include "grove/nn/torch/decoder.hpp"
#include "grove/nn/torch/tensor_memory.hpp"
#include "grove/parameter.hpp"
#include "grove/policy/causal_lm_options.hpp"

namespace grove {

/// Has the members of CpuEngine, but that it holds the parameters itself.
template <class Variant>
class TorchEngine {
 public:
  static constexpr bool holds_parameters = true;

  TorchEngine(io::ModelConfig const& config, CausalLmOptions const& options);

  void load(nn::cpu::WeightSource const& values, std::uint64_t version);
  void load_adapters(nn::cpu::Adapters const& adapters, std::uint64_t version);
  void score(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadOutputs const& outputs,
             nn::Adapted adapted = nn::Adapted::Yes) const;
  /// Adds to the gradients of `parameters()`.
  void accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                  nn::HeadFunction const& f, nn::LayerDone const& done);
  void accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                  nn::HeadFunction const& f, nn::cpu::WeightSource const& values, nn::cpu::Adapters& gradients,
                  nn::LayerDone const& done);
  void generate(std::span<nn::cpu::GenerationRequest const> requests, nn::cpu::GenerationOptions const& options,
                nn::cpu::GenerationSink const& deliver) const;
  io::ModelConfig const& config() const { return decoder_.config(); }

  /// The names, shapes and places that every model of the configuration has.
  std::span<nn::cpu::Parameters::Entry const> entries() const { return entries_; }
  /// Where the device has values and gradients.
  std::vector<ParameterView> parameters();
  /// Copies the values to the host.
  void read(nn::cpu::Parameters& to) const { decoder_.read(to); }
  /// They were changed where they lie.
  void commit(std::uint64_t version) { decoder_.set_version(version); }

  /// The weights leave the device and come back; in between nothing is asked of the engine. See Offloadable.
  void offload() { decoder_.offload(); }
  void onload() { decoder_.onload(); }
  /// Bytes of weights and gradients there.
  std::size_t device_bytes() const { return decoder_.device_bytes(); }

 private:
  std::shared_ptr<nn::cpu::ThreadPool> pool_;  // draws tokens
  nn::torch::Decoder<Variant> decoder_;
  std::unique_ptr<nn::torch::TensorMemory> memory_;  // parameters refer to it
  std::vector<nn::cpu::Parameters::Entry> entries_;
  std::size_t cache_bytes_;
};

extern template class TorchEngine<nn::Qwen2>;
extern template class TorchEngine<nn::Qwen3>;
extern template class TorchEngine<nn::Llama>;

}  // namespace grove
