// SPDX-License-Identifier: Apache-2.0
// A causal language model as a policy. Sampler and trainer share its one set of weights, so no copy can go stale. On
// the CPU both compute a log-prob by the same operations and agree bit for bit; on CUDA within rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/io/weight_folder.hpp"
#include "grove/nn/cpu/generation_options.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/weight_source.hpp"
#include "grove/nn/decoder_types.hpp"
#include "grove/parameter.hpp"
#include "grove/policy/causal_lm_options.hpp"
#include "grove/policy/cpu_engine.hpp"
#include "grove/policy/torch_engine.hpp"
#include "grove/rollout/token_trajectories.hpp"

namespace grove {

/// What a head besides the vocabulary's reads and fills in: outputs of tokens, and the state that each was predicted
/// from, `[tokens, hidden_size]` after the final norm.
struct StateOutputs {
  std::size_t first = 0;  ///< the first of these tokens
  TokenOutputs<float> outputs{};
  TokenGradients<float> gradients{};
  std::span<float const> states{};
  std::span<float> d_states{};
};
using StateConsumer = std::function<void(StateOutputs const&)>;

/// Told while a backward pass goes on that the gradients of this parameter and of all behind it are whole; see
/// FollowsBackward. May be empty.
using CompleteFrom = std::function<void(std::size_t parameter)>;

/// What tells `f` so `before` parameters further on; empty where it does not want to know.
template <class F>
CompleteFrom complete_from(F& f, std::size_t before = 0) {
  if constexpr (FollowsBackward<F>)
    return [&f, before](std::size_t parameter) { f.complete(before + parameter); };
  else
    return {};
}

/// Called with the states of tokens [first, first + n).
using StateReader = std::function<void(std::size_t first, std::span<float const> states)>;

/// Qwen2, Qwen3 or Llama, as described by `Variant` at compile time, computed by `Engine`: CpuEngine or TorchEngine.
template <class Variant, template <class> class Engine = CpuEngine>
class CausalLm {
 public:
  using Real = float;
  using Trajectories = TokenTrajectories;
  static constexpr ColumnSet provides = {Column::LogProb, Column::Entropy, Column::SumSquares};

  CausalLm(nn::cpu::Parameters parameters, CausalLmOptions options);

  /// The weights of a folder's files, which stay mapped; parameters in memory are made when first asked for.
  CausalLm(std::shared_ptr<io::WeightFolder const> folder, io::ModelConfig const& config, CausalLmOptions options);

  /// Columns of the completions' tokens, packed in the order of `sequences`.
  void score(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out) const;

  /// One forward and backward pass. For Scope::Token `f` sees as many tokens at a time as logits are held of, which are
  /// then computed once; for others all tokens at once.
  template <OutputConsumer<float> F>
  void accumulate(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, F&& f) {
    accumulate_rows(
        t, sequences, wanted | Column::LogProb, scope, false,
        [&](StateOutputs const& s) { f(s.first, s.outputs, s.gradients); }, complete_from(f));
  }

  /// As `score` and `accumulate`, for a head that reads states. Where no column of the vocabulary is wanted, its
  /// projection is left out, and `f` sees all tokens at once.
  void score_states(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out,
                    StateReader const& read, nn::Adapted adapted = nn::Adapted::Yes) const;
  void accumulate_states(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope,
                         StateConsumer const& f, CompleteFrom const& complete = {});

  /// Adapters that everything adds to the weights from now on: a new version. See Lora, which owns them.
  void load_adapters(nn::cpu::Adapters const& adapters) { engine_.load_adapters(adapters, ++version_); }

  /// As `accumulate` (with `states`: as `accumulate_states`) for the adapters alone; `complete` is told of them.
  void accumulate_adapters(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, bool states,
                           StateConsumer const& f, nn::cpu::Adapters& gradients, CompleteFrom const& complete = {});

  /// A number that other weights share only by chance.
  std::uint64_t fingerprint() const;

  /// Samples completions; see nn/cpu/generation.hpp. Every token carries `version()`.
  void generate(std::span<nn::cpu::GenerationRequest const> requests, nn::cpu::GenerationOptions const& options,
                nn::cpu::GenerationSink const& deliver) const;

  /// Log-probs of tokens 1 .. n-1 of each sequence, given those before: what `open_rs logprobs` prints.
  std::vector<std::vector<float>> log_probs(std::span<std::vector<TokenId> const> sequences, float temperature) const;

  std::vector<ParameterView> parameters();
  std::uint64_t version() const { return version_; }
  void commit();
  /// Goes on counting from there: after a checkpoint, or with another process's weights.
  void set_version(std::uint64_t version) { version_ = version; }

  /// A frozen copy with the same weights and version; a reference policy.
  CausalLm clone() const;

  /// Weights that a device computes with leave it for the host's memory and come back; see Offloadable. Nothing where
  /// they are the host's.
  void offload() {
    if constexpr (requires { engine_.offload(); }) engine_.offload();
  }
  void onload() {
    if constexpr (requires { engine_.onload(); }) engine_.onload();
  }

  io::ModelConfig const& config() const { return engine_.config(); }
  /// On the host; copied there where the engine holds them and they have changed.
  nn::cpu::Parameters const& values() const { return weights(); }
  CausalLmOptions const& options() const { return options_; }
  Engine<Variant> const& engine() const { return engine_; }

  /// Writes config.json and model.safetensors, which transformers loads; with adapters, the sum of both.
  void save(std::filesystem::path const& folder, nn::cpu::Adapters const* merged = nullptr) const;

 private:
  nn::cpu::Parameters& weights() const;
  nn::cpu::WeightSource source() const;
  void accumulate_rows(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, bool states,
                       StateConsumer const& f, CompleteFrom const& complete);
  /// Packs the sequences and hands them to `run(packed batch, rows, columns, consumer)`.
  template <class Run>
  void packed_pass(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, bool states,
                   StateConsumer const& f, Run const& run);

  CausalLmOptions options_;
  Engine<Variant> engine_;
  std::shared_ptr<io::WeightFolder const> folder_;       // null: the values were given
  mutable std::unique_ptr<nn::cpu::Parameters> values_;  // null: as in the folder, or as the engine has them
  mutable bool behind_ = false;                          // they, or the folder's, are older than the engine's
  std::unique_ptr<nn::cpu::Parameters> gradients_;       // made when first asked for: a reference has none; nor has one
                                                         // whose engine holds the parameters
  std::vector<std::uint16_t> bf16_values_;               // the parameters themselves when dtype is BF16; made likewise
  std::uint64_t version_ = 0;
};

extern template class CausalLm<nn::cpu::Qwen2>;
extern template class CausalLm<nn::cpu::Qwen3>;
extern template class CausalLm<nn::cpu::Llama>;
extern template class CausalLm<nn::Qwen2, TorchEngine>;
extern template class CausalLm<nn::Qwen3, TorchEngine>;
extern template class CausalLm<nn::Llama, TorchEngine>;

/// A causal language model whose architecture is known only when its folder is read, and whose device the options say.
class AnyCausalLm {
 public:
  using Real = float;
  using Trajectories = TokenTrajectories;
  static constexpr ColumnSet provides = CausalLm<nn::cpu::Qwen2>::provides;

  template <class Variant, template <class> class Engine>
  explicit AnyCausalLm(CausalLm<Variant, Engine> model) : model_(std::move(model)) {}

  /// Reads a Hugging Face folder (config.json, *.safetensors). Throws Error that names the file and key at fault.
  static AnyCausalLm load(std::filesystem::path const& folder, CausalLmOptions options = {});

  /// A new model with random weights.
  static AnyCausalLm random(io::ModelConfig const& config, std::uint64_t seed, CausalLmOptions options = {});

  void score(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out) const {
    std::visit([&](auto const& m) { m.score(t, sequences, wanted, out); }, model_);
  }
  template <OutputConsumer<float> F>
  void accumulate(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, F&& f) {
    std::visit([&](auto& m) { m.accumulate(t, sequences, wanted, scope, f); }, model_);
  }
  void score_states(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out,
                    StateReader const& read, nn::Adapted adapted = nn::Adapted::Yes) const {
    std::visit([&](auto const& m) { m.score_states(t, sequences, wanted, out, read, adapted); }, model_);
  }
  void load_adapters(nn::cpu::Adapters const& adapters) {
    std::visit([&](auto& m) { m.load_adapters(adapters); }, model_);
  }
  void accumulate_adapters(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, bool states,
                           StateConsumer const& f, nn::cpu::Adapters& gradients, CompleteFrom const& complete = {}) {
    std::visit([&](auto& m) { m.accumulate_adapters(t, sequences, wanted, scope, states, f, gradients, complete); },
               model_);
  }
  std::uint64_t fingerprint() const {
    return std::visit([](auto const& m) { return m.fingerprint(); }, model_);
  }
  void accumulate_states(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope,
                         StateConsumer const& f, CompleteFrom const& complete = {}) {
    std::visit([&](auto& m) { m.accumulate_states(t, sequences, wanted, scope, f, complete); }, model_);
  }
  void generate(std::span<nn::cpu::GenerationRequest const> requests, nn::cpu::GenerationOptions const& options,
                nn::cpu::GenerationSink const& deliver) const {
    std::visit([&](auto const& m) { m.generate(requests, options, deliver); }, model_);
  }
  std::vector<std::vector<float>> log_probs(std::span<std::vector<TokenId> const> sequences, float temperature) const {
    return std::visit([&](auto const& m) { return m.log_probs(sequences, temperature); }, model_);
  }
  std::vector<ParameterView> parameters() {
    return std::visit([](auto& m) { return m.parameters(); }, model_);
  }
  std::uint64_t version() const {
    return std::visit([](auto const& m) { return m.version(); }, model_);
  }
  void commit() {
    std::visit([](auto& m) { m.commit(); }, model_);
  }
  void set_version(std::uint64_t version) {
    std::visit([&](auto& m) { m.set_version(version); }, model_);
  }
  void offload() {
    std::visit([](auto& m) { m.offload(); }, model_);
  }
  void onload() {
    std::visit([](auto& m) { m.onload(); }, model_);
  }
  AnyCausalLm clone() const {
    return std::visit([](auto const& m) { return AnyCausalLm(m.clone()); }, model_);
  }
  io::ModelConfig const& config() const {
    return std::visit([](auto const& m) -> io::ModelConfig const& { return m.config(); }, model_);
  }
  CausalLmOptions const& options() const {
    return std::visit([](auto const& m) -> CausalLmOptions const& { return m.options(); }, model_);
  }
  void save(std::filesystem::path const& folder, nn::cpu::Adapters const* merged = nullptr) const {
    std::visit([&](auto const& m) { m.save(folder, merged); }, model_);
  }

 private:
  std::variant<CausalLm<nn::Qwen2>, CausalLm<nn::Qwen3>, CausalLm<nn::Llama>, CausalLm<nn::Qwen2, TorchEngine>,
               CausalLm<nn::Qwen3, TorchEngine>, CausalLm<nn::Llama, TorchEngine>>
      model_;
};
static_assert(Policy<AnyCausalLm>);

}  // namespace grove
