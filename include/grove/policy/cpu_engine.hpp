// SPDX-License-Identifier: Apache-2.0
// The own CPU engine as CausalLm uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/generation.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/nn/cpu/weight_source.hpp"
#include "grove/policy/causal_lm_options.hpp"

namespace grove {

template <class Variant>
class CpuEngine {
 public:
  /// Parameters and gradients are the policy's.
  static constexpr bool holds_parameters = false;

  CpuEngine(io::ModelConfig const& config, CausalLmOptions const& options);

  /// The weights that everything computes with from now on.
  void load(nn::cpu::WeightSource const& values, std::uint64_t version);

  /// Adapters that are added to the weights from now on.
  void load_adapters(nn::cpu::Adapters const& adapters, std::uint64_t version);

  void score(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadOutputs const& outputs,
             nn::Adapted adapted = nn::Adapted::Yes) const;

  /// Adds to `gradients`. `values` are those that were loaded: the backward pass wants them in another order, which a
  /// model that only samples and scores never makes.
  void accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                  nn::HeadFunction const& f, nn::cpu::WeightSource const& values, nn::cpu::Parameters& gradients,
                  nn::LayerDone const& done);

  /// The same for the adapters, with the weights left alone.
  void accumulate(nn::PackedBatch const& batch, nn::HeadRows const& rows, nn::HeadColumns columns,
                  nn::HeadFunction const& f, nn::cpu::WeightSource const& values, nn::cpu::Adapters& gradients,
                  nn::LayerDone const& done);

  void generate(std::span<nn::cpu::GenerationRequest const> requests, nn::cpu::GenerationOptions const& options,
                nn::cpu::GenerationSink const& deliver) const;

  io::ModelConfig const& config() const { return decoder_->config(); }
  nn::cpu::Workspace const& workspace() const { return *workspace_; }

 private:
  void prepare_training(nn::cpu::WeightSource const& values);

  std::shared_ptr<nn::cpu::ThreadPool> pool_;
  std::unique_ptr<nn::cpu::Decoder<Variant>> decoder_;
  std::unique_ptr<nn::cpu::Workspace> workspace_;
  std::unique_ptr<nn::cpu::Generator<Variant>> generator_;
  nn::cpu::Use use_ = nn::cpu::Use::Inference;
};

extern template class CpuEngine<nn::Qwen2>;
extern template class CpuEngine<nn::Qwen3>;
extern template class CpuEngine<nn::Llama>;

}  // namespace grove
