// SPDX-License-Identifier: Apache-2.0
#include "grove/policy/causal_lm.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "grove/checkpoint/parts.hpp"
#include "grove/error.hpp"
#include "grove/io/bf16.hpp"
#include "grove/io/model_config.hpp"
#include "grove/io/safetensors.hpp"
#include "grove/io/weight_folder.hpp"

namespace grove {
namespace {

namespace cpu = nn::cpu;

/// Prompts and completions packed as the decoder reads them, and the rows whose next tokens are the completions'.
struct Packed {
  std::vector<TokenId> tokens;
  std::vector<std::size_t> cu_seqlens{0};
  std::vector<std::size_t> rows;
  std::vector<TokenId> targets;

  void add(std::vector<TokenId> const& prompt, std::span<TokenId const> completion) {
    if (prompt.empty())
      throw Error("causal language model", "an empty prompt", "at least one token before the completion");
    if (completion.empty()) return;
    auto const begin = tokens.size();
    tokens.insert(tokens.end(), prompt.begin(), prompt.end());
    tokens.insert(tokens.end(), completion.begin(), completion.end() - 1);
    for (std::size_t i = 0; i < completion.size(); ++i) {
      rows.push_back(begin + prompt.size() - 1 + i);
      targets.push_back(completion[i]);
    }
    cu_seqlens.push_back(tokens.size());
  }
  void clear() {
    tokens.clear();
    cu_seqlens.assign(1, 0);
    rows.clear();
    targets.clear();
  }
  nn::PackedBatch batch() const { return {.tokens = tokens, .cu_seqlens = cu_seqlens}; }
  nn::HeadRows head(float temperature, bool bf16 = false) const {
    return {.rows = rows, .targets = targets, .temperature = temperature, .bf16 = bf16};
  }
};

/// Tells `complete` of the first parameter of each layer that is done; entries of a layer stand side by side.
template <class Entry>
nn::LayerDone layer_done(std::span<Entry const> entries, CompleteFrom const& complete) {
  if (!complete) return {};
  return [entries, &complete](std::size_t layer) {
    auto const name = "model.layers." + std::to_string(layer) + ".";  // adapters' names go on before it
    auto const of_layer = [&](Entry const& e) { return e.name.find(name) != std::string::npos; };
    auto const first = std::ranges::find_if(entries, of_layer);
    complete(static_cast<std::size_t>(first - entries.begin()));
  };
}

}  // namespace

template <class Variant, template <class> class Engine>
CausalLm<Variant, Engine>::CausalLm(cpu::Parameters parameters, CausalLmOptions options)
    : options_(options),
      engine_(parameters.config(), options),
      values_(std::make_unique<cpu::Parameters>(std::move(parameters))) {
  if (options_.dtype == Dtype::BF16) values_->round_to_bf16();
  engine_.load(source(), version_);
}

template <class Variant, template <class> class Engine>
CausalLm<Variant, Engine>::CausalLm(std::shared_ptr<io::WeightFolder const> folder, io::ModelConfig const& config,
                                    CausalLmOptions options)
    : options_(options), engine_(config, options), folder_(std::move(folder)) {
  auto const is_bf16 = [&](std::string const& name) { return folder_->find(name)->info->dtype == io::DType::BF16; };
  if (options_.dtype == Dtype::BF16 && !std::ranges::all_of(folder_->names(), is_bf16)) weights().round_to_bf16();
  engine_.load(source(), version_);
  folder_->forget();
}

template <class Variant, template <class> class Engine>
cpu::Parameters& CausalLm<Variant, Engine>::weights() const {
  if (!values_)
    values_ = std::make_unique<cpu::Parameters>(behind_ ? cpu::Parameters(config())
                                                        : cpu::Parameters::load(*folder_, config()));
  if constexpr (Engine<Variant>::holds_parameters)
    if (behind_) engine_.read(*values_);
  behind_ = false;
  return *values_;
}

template <class Variant, template <class> class Engine>
cpu::WeightSource CausalLm<Variant, Engine>::source() const {
  if (values_ || behind_) return {weights()};
  return {*folder_, config()};
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::score(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted,
                                      TokenOutputs<float> out) const {
  score_states(t, sequences, wanted, out, {});
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::score_states(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted,
                                             TokenOutputs<float> out, StateReader const& read,
                                             nn::Adapted adapted) const {
  auto const part = [](std::span<float> column, std::size_t first, std::size_t n) {
    return column.empty() ? column : column.subspan(first, n);
  };
  Packed packed;
  std::vector<float> states;
  std::size_t done = 0;
  auto const flush = [&] {
    auto const n = packed.rows.size();
    if (n == 0) return;
    if (read) states.resize(n * config().hidden_size);
    engine_.score(
        packed.batch(), packed.head(options_.temperature, options_.bf16_log_probs),
        {.log_prob = part(out.log_prob, done, n),
         .entropy = wanted.contains(Column::Entropy) ? part(out.entropy, done, n) : std::span<float>(),
         .sum_squares = wanted.contains(Column::SumSquares) ? part(out.sum_squares, done, n) : std::span<float>(),
         .hidden = states},
        adapted);
    if (read) read(done, states);
    done += n;
    packed.clear();
  };
  for (auto s : sequences) {
    auto const& sample = t.samples[s];
    packed.add(sample.context(), sample.completion.tokens);
    if (packed.tokens.size() >= options_.forward_tokens) flush();
  }
  flush();
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::accumulate_states(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted,
                                                  Scope scope, StateConsumer const& f, CompleteFrom const& complete) {
  accumulate_rows(t, sequences, wanted, scope, true, f, complete);
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::accumulate_rows(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted,
                                                Scope scope, bool states, StateConsumer const& f,
                                                CompleteFrom const& complete) {
  if constexpr (Engine<Variant>::holds_parameters) {
    auto const done = layer_done(engine_.entries(), complete);
    packed_pass(t, sequences, wanted, scope, states, f,
                [&](auto const&... pass) { engine_.accumulate(pass..., done); });
  } else {
    if (!gradients_) gradients_ = std::make_unique<cpu::Parameters>(config());
    auto const done = layer_done(std::as_const(*gradients_).entries(), complete);
    packed_pass(t, sequences, wanted, scope, states, f,
                [&](auto const&... pass) { engine_.accumulate(pass..., source(), *gradients_, done); });
  }
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::accumulate_adapters(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted,
                                                    Scope scope, bool states, StateConsumer const& f,
                                                    cpu::Adapters& gradients, CompleteFrom const& complete) {
  auto const done = layer_done(std::as_const(gradients).entries(), complete);
  packed_pass(t, sequences, wanted, scope, states, f,
              [&](auto const&... pass) { engine_.accumulate(pass..., source(), gradients, done); });
}

template <class Variant, template <class> class Engine>
template <class Run>
void CausalLm<Variant, Engine>::packed_pass(TokenTrajectories const& t, Sequences sequences, ColumnSet wanted,
                                            Scope scope, bool states, StateConsumer const& f, Run const& run) {
  Packed packed;
  for (auto s : sequences) packed.add(t.samples[s].context(), t.samples[s].completion.tokens);
  if (packed.rows.empty()) return;
  std::size_t first = 0;
  auto const consume = [&](nn::HeadOutputs const& out, nn::HeadGradients const& given) {
    f({.first = first,
       .outputs = {.log_prob = out.log_prob, .entropy = out.entropy, .sum_squares = out.sum_squares},
       .gradients = {.log_prob = given.log_prob, .entropy = given.entropy},
       .states = out.hidden,
       .d_states = given.hidden});
    first += out.log_prob.size();
  };
  auto rows = packed.head(options_.temperature, options_.bf16_log_probs);
  rows.parts = scope == Scope::Token;
  nn::HeadColumns const columns{.log_prob = wanted.contains(Column::LogProb),
                                .entropy = wanted.contains(Column::Entropy),
                                .sum_squares = wanted.contains(Column::SumSquares),
                                .hidden = states};
  run(packed.batch(), rows, columns, nn::HeadFunction(consume));
  if (folder_) folder_->forget();
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::generate(std::span<cpu::GenerationRequest const> requests,
                                         cpu::GenerationOptions const& options,
                                         cpu::GenerationSink const& deliver) const {
  engine_.generate(requests, options, [&](cpu::GeneratedCompletion&& generated) {
    generated.completion.versions.assign(generated.completion.tokens.size(), version_);
    deliver(std::move(generated));
  });
}

template <class Variant, template <class> class Engine>
std::vector<std::vector<float>> CausalLm<Variant, Engine>::log_probs(std::span<std::vector<TokenId> const> sequences,
                                                                     float temperature) const {
  std::vector<std::vector<float>> results(sequences.size());
  Packed packed;
  std::size_t first = 0;
  auto const flush = [&](std::size_t end) {
    std::vector<float> all(packed.rows.size());
    if (!all.empty())
      engine_.score(packed.batch(), packed.head(temperature),
                    {.log_prob = all, .entropy = {}, .sum_squares = {}, .hidden = {}});
    auto next = all.begin();
    for (; first < end; ++first) {
      auto const n = static_cast<std::ptrdiff_t>(sequences[first].size()) - 1;
      results[first].assign(next, next + n);
      next += n;
    }
    packed.clear();
  };
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    packed.add({sequences[i].begin(), sequences[i].begin() + 1}, std::span(sequences[i]).subspan(1));
    if (packed.tokens.size() >= options_.forward_tokens) flush(i + 1);
  }
  flush(sequences.size());
  return results;
}

template <class Variant, template <class> class Engine>
std::vector<ParameterView> CausalLm<Variant, Engine>::parameters() {
  if constexpr (Engine<Variant>::holds_parameters) return engine_.parameters();
  if (!gradients_) gradients_ = std::make_unique<cpu::Parameters>(config());
  bool const bf16 = options_.dtype == Dtype::BF16;
  if (bf16 && bf16_values_.empty()) bf16_values_ = io::to_bf16(std::as_const(weights()).values());
  std::vector<ParameterView> views;
  for (auto const& entry : weights().entries())
    views.push_back({.name = entry.name,
                     .shape = entry.shape,
                     .size = entry.size,
                     .value = bf16 ? static_cast<void*>(bf16_values_.data() + entry.offset)
                                   : static_cast<void*>(weights().values().data() + entry.offset),
                     .gradient = gradients_->values().data() + entry.offset,
                     .dtype = options_.dtype,
                     .decay = entry.shape.size() > 1});
  return views;
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::commit() {
  if constexpr (Engine<Variant>::holds_parameters) {
    engine_.commit(++version_);
    behind_ = true;
    return;
  }
  auto const values = bf16_values_.empty() ? std::span<float>() : weights().values();
  for (std::size_t i = 0; i < bf16_values_.size(); ++i) values[i] = io::bf16_to_f32(bf16_values_[i]);
  engine_.load(source(), ++version_);
}

template <class Variant, template <class> class Engine>
CausalLm<Variant, Engine> CausalLm<Variant, Engine>::clone() const {
  CausalLm copy = values_ || behind_ ? CausalLm(weights(), options_) : CausalLm(folder_, config(), options_);
  copy.version_ = version_;
  return copy;
}

template <class Variant, template <class> class Engine>
void CausalLm<Variant, Engine>::save(std::filesystem::path const& folder, cpu::Adapters const* merged) const {
  weights().save(folder, options_.dtype == Dtype::BF16 ? io::DType::BF16 : io::DType::F32, merged);
}

template <class Variant, template <class> class Engine>
std::uint64_t CausalLm<Variant, Engine>::fingerprint() const {
  constexpr std::size_t block = std::size_t{1} << 22U;
  auto const from = source();
  std::vector<float> scratch;
  std::uint64_t hash = 0;
  for (auto const& entry : from.entries())
    for (std::size_t at = 0; at < entry.size; at += block) {
      auto const n = std::min(block, entry.size - at);
      auto const values = from.floats(entry.offset + at, n, scratch);
      ParameterView const part{.size = n, .value = const_cast<float*>(values.data())};
      hash = std::rotl(hash, 7) ^ detail::fingerprint({&part, 1});
    }
  if (folder_) folder_->forget();
  return hash;
}

template class CausalLm<nn::Qwen2>;
template class CausalLm<nn::Qwen3>;
template class CausalLm<nn::Llama>;
template class CausalLm<nn::Qwen2, TorchEngine>;
template class CausalLm<nn::Qwen3, TorchEngine>;
template class CausalLm<nn::Llama, TorchEngine>;

namespace {

template <template <class> class Engine, class... Source>
AnyCausalLm wrap(io::Architecture architecture, Source&&... source) {
  switch (architecture) {
    case io::Architecture::Qwen2:
      return AnyCausalLm(CausalLm<nn::Qwen2, Engine>(std::forward<Source>(source)...));
    case io::Architecture::Qwen3:
      return AnyCausalLm(CausalLm<nn::Qwen3, Engine>(std::forward<Source>(source)...));
    case io::Architecture::Llama:
      return AnyCausalLm(CausalLm<nn::Llama, Engine>(std::forward<Source>(source)...));
  }
  throw Error("AnyCausalLm", "unknown architecture");
}

template <class... Source>
AnyCausalLm wrap(Device device, io::Architecture architecture, Source&&... source) {
  return device == Device::Cpu ? wrap<CpuEngine>(architecture, std::forward<Source>(source)...)
                               : wrap<TorchEngine>(architecture, std::forward<Source>(source)...);
}

}  // namespace

AnyCausalLm AnyCausalLm::load(std::filesystem::path const& folder, CausalLmOptions options) {
  nn::torch::require(options.device);
  auto const config = io::read_model_config(folder.string());
  auto files = std::make_shared<io::WeightFolder const>(io::WeightFolder::open(folder.string()));
  return wrap(options.device, config.architecture, std::move(files), config, options);
}

AnyCausalLm AnyCausalLm::random(io::ModelConfig const& config, std::uint64_t seed, CausalLmOptions options) {
  cpu::Parameters parameters(config);
  parameters.initialise(seed);
  return wrap(options.device, config.architecture, std::move(parameters), options);
}

}  // namespace grove
