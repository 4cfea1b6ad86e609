// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/decoder.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros_like.h>

#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/cpu/decoder_checks.hpp"
#include "grove/nn/torch/decoder_impl.hpp"
#include "grove/nn/torch/head.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch {
namespace {

template <class Variant>
io::ModelConfig const& checked(io::ModelConfig const& config, DecoderOptions const& options) {
  if (config.qk_norm != Variant::qk_norm || (Variant::qkv_bias && !config.qkv_bias))
    throw Error("Decoder", "the configuration of a " + std::string(io::model_type_name(config.architecture)) + " model",
                "one of " + std::string(Variant::architecture));
  if (options.dtype == Dtype::F64) throw Error("Decoder", "f64 weights", "f32 or bf16");
  require(options.device);
  return config;
}

std::vector<std::size_t> positions(PackedBatch const& batch) {
  std::vector<std::size_t> result;
  for (std::size_t s = 0; s < batch.sequences(); ++s)
    for (std::size_t i = 0; i < batch.cu_seqlens[s + 1] - batch.cu_seqlens[s]; ++i)
      result.push_back(batch.first_position + i);
  return result;
}

/// A tensor's values as a new place where derivatives arrive.
at::Tensor leaf(at::Tensor const& x) { return x.detach().requires_grad_(true); }

/// Runs `f` with autograd watching.
template <class F>
at::Tensor with_graph(F&& f) {
  at::AutoGradMode const grad(true);
  return f();
}

/// The layers of one batch, forward and backward.
template <class Variant>
class Trunk {
 public:
  using Impl = typename Decoder<Variant>::Impl;

  Trunk(Impl const& impl, PackedBatch const& batch)
      : impl_(impl), batch_(batch), angles_(detail::angles_of(impl.rotary, positions(batch), impl.device)) {}

  at::Tensor forward(Adapted adapted) const {
    auto x = impl_.embed(batch_.tokens);
    for (std::size_t i = 0; i < impl_.config.layers; ++i) x = impl_.layer(i, adapted)(x, angles_, batch_.cu_seqlens);
    return x;
  }

  /// The same; keeps of each layer its input, and its graph unless that is to be made again.
  at::Tensor forward_to_train() {
    auto x = impl_.embed(batch_.tokens);
    for (std::size_t i = 0; i < impl_.config.layers; ++i) {
      Step step{leaf(x), {}};
      if (impl_.options.recompute) {
        x = impl_.layer(i)(x, angles_, batch_.cu_seqlens);
      } else {
        step.output = run(i, step.input);
        x = step.output.detach();
      }
      steps_.push_back(std::move(step));
    }
    return x;
  }

  /// From the derivative of the hidden states to that of the embeddings. `collect(layer)` takes what is at the leaves.
  template <class Collect>
  at::Tensor backward(at::Tensor gradient, Collect const& collect) {
    for (std::size_t i = steps_.size(); i-- > 0;) {
      Step step = std::move(steps_.back());
      steps_.pop_back();
      if (!step.output.defined()) step.output = run(i, step.input);
      step.output.backward(gradient);
      gradient = step.input.grad();
      collect(i);
    }
    return gradient;
  }

 private:
  struct Step {
    at::Tensor input, output;
  };

  at::Tensor run(std::size_t i, at::Tensor const& input) const {
    return with_graph([&] { return impl_.layer(i)(input, angles_, batch_.cu_seqlens); });
  }

  Impl const& impl_;
  PackedBatch const& batch_;
  detail::Angles angles_;
  std::vector<Step> steps_;
};

/// One vector a column, and spans of those that are wanted.
struct Columns {
  Columns(std::size_t rows, std::size_t hidden, HeadColumns wanted)
      : log_prob(wanted.vocabulary() ? rows : 0),
        entropy(wanted.entropy ? rows : 0),
        sum_squares(wanted.sum_squares ? rows : 0),
        hidden_states(wanted.hidden ? rows * hidden : 0) {}
  HeadOutputs outputs() { return {log_prob, entropy, sum_squares, hidden_states}; }
  HeadGradients gradients() { return {log_prob, entropy, hidden_states}; }

  std::vector<float> log_prob, entropy, sum_squares, hidden_states;
};

}  // namespace

template <class Variant>
Decoder<Variant>::Impl::Impl(io::ModelConfig const& model, DecoderOptions const& chosen)
    : config(checked<Variant>(model, chosen)),
      options(chosen),
      device(detail::at_device(chosen.device)),
      rotary(model.rope, model.head_dim, model.max_position_embeddings),
      weights(model, chosen.dtype, chosen.device) {}

template <class Variant>
at::Tensor Decoder<Variant>::Impl::embed(std::span<TokenId const> tokens) const {
  return at::index_select(weights.embedding.value, 0, detail::indices(tokens, device));
}

template <class Variant>
Decoder<Variant>::Decoder(io::ModelConfig const& config, DecoderOptions options)
    : impl_(detail::translated("Decoder", [&] { return std::make_unique<Impl>(config, options); })) {}
template <class Variant>
Decoder<Variant>::~Decoder() = default;
template <class Variant>
Decoder<Variant>::Decoder(Decoder&&) noexcept = default;
template <class Variant>
Decoder<Variant>& Decoder<Variant>::operator=(Decoder&&) noexcept = default;

template <class Variant>
std::uint64_t Decoder<Variant>::version() const noexcept {
  return impl_->version;
}

template <class Variant>
Dtype Decoder<Variant>::dtype() const noexcept {
  return impl_->options.dtype;
}

template <class Variant>
io::ModelConfig const& Decoder<Variant>::config() const noexcept {
  return impl_->config;
}

template <class Variant>
void Decoder<Variant>::load(cpu::Parameters const& parameters, std::uint64_t version) {
  if (!(parameters.config() == impl_->config))
    throw Error("Decoder::load", "parameters of another model", "those of the configuration it was made with");
  at::NoGradGuard const no_grad;
  detail::translated("Decoder::load", [&] { impl_->weights.load(parameters); });
  set_version(version);
}

template <class Variant>
void Decoder<Variant>::read(cpu::Parameters& to) const {
  if (!(to.config() == impl_->config)) throw Error("Decoder::read", "parameters of another model");
  at::NoGradGuard const no_grad;
  detail::translated("Decoder::read", [&] { impl_->weights.read(to); });
}

template <class Variant>
typename Decoder<Variant>::Buffers Decoder<Variant>::buffers() {
  return detail::translated(
      "Decoder", [&] { return Buffers{.values = impl_->weights.values(), .gradients = impl_->weights.gradients()}; });
}

template <class Variant>
void Decoder<Variant>::load_adapters(cpu::Adapters const& adapters, std::uint64_t version) {
  detail::translated("Decoder::load_adapters", [&] {
    auto& mine = impl_->adapters;
    if (mine && mine->shape() == adapters.shape())
      mine->load(adapters);
    else
      mine.emplace(adapters, impl_->config, impl_->options.dtype, impl_->options.device);
  });
  impl_->version = version;
}

template <class Variant>
void Decoder<Variant>::set_version(std::uint64_t version) noexcept {
  impl_->version = version;
  impl_->weights.changed();
}

template <class Variant>
void Decoder<Variant>::offload() {
  at::NoGradGuard const no_grad;
  detail::translated("Decoder::offload", [&] { impl_->weights.offload(); });
}

template <class Variant>
void Decoder<Variant>::onload() {
  at::NoGradGuard const no_grad;
  detail::translated("Decoder::onload", [&] { impl_->weights.onload(); });
}

template <class Variant>
std::size_t Decoder<Variant>::device_bytes() const {
  return impl_->weights.device_bytes();
}

template <class Variant>
void Decoder<Variant>::score(PackedBatch batch, HeadRows rows, HeadOutputs outputs, Adapted adapted) const {
  char const* const where = "Decoder::score";
  cpu::detail::check_batch(where, batch, vocab_size());
  cpu::detail::check_rows(where, rows, batch.tokens.size(), vocab_size());
  cpu::detail::check_outputs(where, outputs, rows.rows.size(), impl_->config.hidden_size);
  if (rows.rows.empty()) return;
  at::NoGradGuard const no_grad;
  detail::translated(where, [&] {
    auto const& weights = impl_->weights;
    auto const x = Trunk<Variant>(*impl_, batch).forward(adapted);
    auto const wanted = at::index_select(x, 0, detail::indices(rows.rows, impl_->device));
    auto const normed = detail::rms_norm(wanted, weights.norm, impl_->config);
    detail::Head(normed, weights.head.value, rows, impl_->options.logits).forward(outputs);
  });
}

template <class Variant>
void Decoder<Variant>::accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                                  LayerDone const& done) {
  if (impl_->adapters) throw Error("Decoder::accumulate", "gradients of weights that have adapters", "the adapters'");
  auto& weights = impl_->weights;
  weights.drop_strays();
  pass(batch, rows, columns, f, &weights, [&](std::size_t layer) {
    weights.collect(weights.layers[layer]);
    if (done) done(layer);
  });
}

template <class Variant>
void Decoder<Variant>::accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                                  cpu::Adapters& gradients, LayerDone const& done) {
  auto& adapters = impl_->adapters;
  if (!adapters) throw Error("Decoder::accumulate", "the decoder has no adapters", "load_adapters() before");
  if (!(gradients.shape() == adapters->shape()))
    throw Error("Decoder::accumulate", "gradients of adapters of another shape", "those that are loaded");
  adapters->drop_strays();
  pass(batch, rows, columns, f, nullptr, [&](std::size_t layer) {
    adapters->take_gradients(layer, gradients);
    if (done) done(layer);
  });
}

/// What is trained beside the layers' part of it: nothing where `trained` is null.
template <class Variant>
template <class Collect>
void Decoder<Variant>::pass(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                            detail::Weights* trained, Collect const& collect) {
  char const* const where = "Decoder::accumulate";
  cpu::detail::check_batch(where, batch, vocab_size());
  cpu::detail::check_rows(where, rows, batch.tokens.size(), vocab_size());
  if (rows.rows.empty()) return;
  Columns outputs(rows.rows.size(), impl_->config.hidden_size, columns);
  Columns gradients(rows.rows.size(), impl_->config.hidden_size, columns);
  at::NoGradGuard const no_grad;
  detail::translated(where, [&] {
    auto const& weights = impl_->weights;
    auto const norm = trained != nullptr ? weights.norm : weights.norm.frozen();
    Trunk<Variant> trunk(*impl_, batch);
    auto const at_rows = detail::indices(rows.rows, impl_->device);
    auto const x = trunk.forward_to_train();
    auto const states = leaf(at::index_select(x, 0, at_rows));
    auto const normed = with_graph([&] { return detail::rms_norm(states, norm, impl_->config); });
    detail::Head const head(normed.detach(), weights.head.value.detach(), rows, impl_->options.logits);
    head.forward(outputs.outputs());
    f(outputs.outputs(), gradients.gradients());
    auto const of_head = trained != nullptr ? trained->gradient(weights.head) : at::Tensor();
    normed.backward(head.backward(gradients.gradients(), of_head).to(normed.scalar_type()));
    if (trained != nullptr) trained->collect(norm);
    auto gradient = at::zeros_like(x);
    gradient.index_copy_(0, at_rows, states.grad());
    gradient = trunk.backward(gradient, collect);
    if (trained == nullptr) return;
    trained->gradient(weights.embedding)
        .index_add_(0, detail::indices(batch.tokens, impl_->device), gradient.to(at::kFloat));
  });
}

template <class Variant>
void Decoder<Variant>::take_gradients(cpu::Parameters& to) {
  if (!(to.config() == impl_->config)) throw Error("Decoder::take_gradients", "gradients of another model");
  at::NoGradGuard const no_grad;
  detail::translated("Decoder::take_gradients", [&] { impl_->weights.take_gradients(to); });
}

template class Decoder<Qwen2>;
template class Decoder<Qwen3>;
template class Decoder<Llama>;

}  // namespace grove::nn::torch
