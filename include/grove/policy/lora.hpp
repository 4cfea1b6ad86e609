// SPDX-License-Identifier: Apache-2.0
// A language model of which only low-rank adapters are trained (LoRA, arXiv 2106.09685): y = W x + scale B A x.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/nn/cpu/adapters.hpp"
#include "grove/parameter.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/policy/value_head.hpp"

namespace grove {

/// peft's LoraConfig, where its names differ: rank is r, alpha lora_alpha, targets target_modules.
struct LoraOptions {
  std::size_t rank = 16;
  double alpha = 32;                                        ///< the scale is alpha / rank
  std::vector<std::string> targets = {"q_proj", "v_proj"};  ///< projections, or all-linear: the seven of every layer
  bool rank_stabilized = false;  ///< alpha / sqrt(rank) in place of alpha / rank (arXiv 2312.03732; use_rslora)
  std::uint64_t seed = 0;        ///< of A's first values
};

/// Throws Error for a rank of 0 and a target that is no projection.
nn::cpu::AdapterShape adapter_shape(LoraOptions const& options);

/// What `save_adapter` writes and `load_adapter` reads: the folder of a peft adapter.
void write_adapter_config(std::filesystem::path const& folder, LoraOptions const& options,
                          std::string const& base_model);
void write_adapter_weights(std::filesystem::path const& folder, nn::cpu::Adapters const& adapters);
/// Throws Error for an adapter of another kind, shape or model.
void read_adapter(std::filesystem::path const& folder, LoraOptions const& options, nn::cpu::Adapters& adapters);

/// The options that a peft adapter was made with. Throws Error where it is none, or has parts that Grove lacks.
LoraOptions read_adapter_config(std::filesystem::path const& folder);

/// A language model that takes adapters.
template <class P>
concept AdaptableModel = StatefulModel<P> &&
    requires(P& p, P const& c, typename P::Trajectories const& t, Sequences sequences, ColumnSet wanted,
             TokenOutputs<float> out, StateReader const& read, StateConsumer const& f, nn::cpu::Adapters& gradients,
             CompleteFrom const& complete, std::filesystem::path const& folder) {
  p.load_adapters(gradients);
  p.accumulate_adapters(t, sequences, wanted, Scope::Token, true, f, gradients, complete);
  c.score_states(t, sequences, wanted, out, read, nn::Adapted::No);
  c.save(folder, &gradients);
  { c.fingerprint() } -> std::same_as<std::uint64_t>;
};

/// The model with adapters, which are all there is to train: gradients, moments and checkpoints are of their size. It
/// is the model in all else, so whatever samples from P samples from it. Its reference policy is itself without
/// adapters; there is no second copy of the weights.
template <AdaptableModel P>
class Lora : public P {
 public:
  using Trajectories = typename P::Trajectories;

  explicit Lora(P model, LoraOptions options = {})
      : P(std::move(model)),
        options_(std::move(options)),
        adapters_(std::make_unique<nn::cpu::Adapters>(P::config(), adapter_shape(options_))),
        gradients_(std::make_unique<nn::cpu::Adapters>(P::config(), adapters_->shape())) {
    adapters_->initialise(options_.seed);
    commit();
  }

  template <OutputConsumer<float> F>
  void accumulate(Trajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, F&& f) {
    P::accumulate_adapters(
        t, sequences, wanted | Column::LogProb, scope, false,
        [&](StateOutputs const& s) { f(s.first, s.outputs, s.gradients); }, *gradients_, complete_from(f));
  }
  void accumulate_states(Trajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope,
                         StateConsumer const& f, CompleteFrom const& complete = {}) {
    P::accumulate_adapters(t, sequences, wanted, scope, true, f, *gradients_, complete);
  }

  /// The columns of the model without adapters.
  void score_reference(Trajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out) const {
    P::score_states(t, sequences, wanted, out, {}, nn::Adapted::No);
  }

  std::vector<ParameterView> parameters() {
    std::vector<ParameterView> views;
    for (auto const& entry : std::as_const(*adapters_).entries())
      views.push_back({.name = entry.name,
                       .shape = entry.shape,
                       .size = entry.size,
                       .value = adapters_->values().data() + entry.offset,
                       .gradient = gradients_->values().data() + entry.offset});
    return views;
  }

  void commit() { P::load_adapters(*adapters_); }

  Lora clone() const {
    Lora copy(P::clone(), options_);
    *copy.adapters_ = *adapters_;
    copy.commit();
    copy.set_version(P::version());
    return copy;
  }

  /// A checkpoint holds the adapters and remembers which weights they belong to.
  void state(State& s) {
    if (!base_) base_ = P::fingerprint();
    auto base = *base_;
    s("base_model", base);
    if (base != *base_)
      throw Error(s.source(), "the adapters belong to another model", "the model that training began with",
                  "resume with the same start model");
  }

  LoraOptions const& lora() const { return options_; }
  nn::cpu::Adapters const& adapters() const { return *adapters_; }

  /// The merged model in Hugging Face form.
  void save(std::filesystem::path const& folder) const { P::save(folder, adapters_.get()); }

  /// adapter_config.json and adapter_model.safetensors, which peft loads on top of `base_model`.
  void save_adapter(std::filesystem::path const& folder, std::string const& base_model) const {
    write_adapter_config(folder, options_, base_model);
    write_adapter_weights(folder, *adapters_);
  }

  /// Takes over the values of an adapter that `save_adapter` or peft wrote.
  void load_adapter(std::filesystem::path const& folder) {
    read_adapter(folder, options_, *adapters_);
    commit();
  }

 private:
  LoraOptions options_;
  std::unique_ptr<nn::cpu::Adapters> adapters_, gradients_;
  std::optional<std::uint64_t> base_;
};
static_assert(Policy<Lora<AnyCausalLm>>);
static_assert(StatefulModel<Lora<AnyCausalLm>>);

}  // namespace grove
