// SPDX-License-Identifier: Apache-2.0
// LibTorch's decoder as CausalLm uses it. Weights lie on the device; the parameters that the optimizer changes, their
// gradients, masters and moments lie on the host, so a micro-batch moves gradients down and an update moves weights up.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "grove/nn/cpu/adapters.hpp"
#include "grove/nn/cpu/generation_options.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/nn/cpu/weight_source.hpp"
#include "grove/nn/torch/decoder.hpp"
#include "grove/policy/causal_lm_options.hpp"

namespace grove {

/// Has the members of CpuEngine.
template <class Variant>
class TorchEngine {
 public:
  TorchEngine(io::ModelConfig const& config, CausalLmOptions const& options);

  void load(nn::cpu::WeightSource const& values, std::uint64_t version);
  void load_adapters(nn::cpu::Adapters const& adapters, std::uint64_t version);
  void score(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadOutputs const& outputs,
             nn::Adapted adapted = nn::Adapted::Yes) const;
  /// The gradients come to the host when all are there: nobody is told of single layers.
  void accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                  nn::HeadFunction const& f, nn::cpu::WeightSource const& values, nn::cpu::Parameters& gradients,
                  nn::LayerDone const& done);
  void accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                  nn::HeadFunction const& f, nn::cpu::WeightSource const& values, nn::cpu::Adapters& gradients);
  void generate(std::span<nn::cpu::GenerationRequest const> requests, nn::cpu::GenerationOptions const& options,
                nn::cpu::GenerationSink const& deliver) const;
  io::ModelConfig const& config() const { return decoder_.config(); }

 private:
  std::shared_ptr<nn::cpu::ThreadPool> pool_;  // draws tokens
  nn::torch::Decoder<Variant> decoder_;
  std::size_t cache_bytes_;
};

extern template class TorchEngine<nn::Qwen2>;
extern template class TorchEngine<nn::Qwen3>;
extern template class TorchEngine<nn::Llama>;

}  // namespace grove
