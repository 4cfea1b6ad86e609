// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "grove/error.hpp"
#include "grove/nn/cpu/decoder_backward.hpp"
#include "grove/nn/cpu/decoder_checks.hpp"
#include "grove/nn/cpu/decoder_forward.hpp"
#include "grove/nn/cpu/decoder_head.hpp"
#include "grove/nn/cpu/decoder_workspace.hpp"

namespace grove::nn::cpu {
namespace {

template <class Variant>
io::ModelConfig checked(io::ModelConfig config) {
  bool const biased = config.qkv_bias || !Variant::qkv_bias;
  if (config.qk_norm != Variant::qk_norm || !biased) {
    throw Error("Decoder", "the configuration of a " + std::string(io::model_type_name(config.architecture)) + " model",
                "one of " + std::string(Variant::architecture));
  }
  return config;
}

/// Some consecutive rows of what the head reads, gives and takes.
struct Part {
  std::size_t begin, count;

  [[nodiscard]] std::span<float> operator()(std::span<float> column, std::size_t width = 1) const {
    return column.empty() ? column : column.subspan(begin * width, count * width);
  }
  [[nodiscard]] HeadRows operator()(HeadRows rows) const {
    rows.rows = rows.rows.subspan(begin, count);
    if (!rows.targets.empty()) rows.targets = rows.targets.subspan(begin, count);
    return rows;
  }
  [[nodiscard]] HeadOutputs operator()(HeadOutputs const& all, std::size_t hidden) const {
    auto const& self = *this;
    return {self(all.log_prob), self(all.entropy), self(all.sum_squares), self(all.hidden, hidden)};
  }
  [[nodiscard]] HeadGradients operator()(HeadGradients const& all, std::size_t hidden) const {
    auto const& self = *this;
    return {self(all.log_prob), self(all.entropy), self(all.hidden, hidden)};
  }
};

}  // namespace

Workspace::Workspace(ThreadPool& pool, WorkspaceOptions options)
    : pool_(&pool), options_(options), buffers_(std::make_unique<Buffers>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
std::size_t Workspace::projected_rows() const noexcept { return buffers_->head.projected; }

template <class Variant>
Decoder<Variant>::Decoder(io::ModelConfig config) : layout_(checked<Variant>(std::move(config))) {}

template <class Variant>
void Decoder<Variant>::load(WeightSource const& source, std::uint64_t version, ThreadPool& pool, Use use) {
  weights_.load(layout_, source, pool);
  if (use == Use::Training) weights_.load_backward(layout_, source, pool);
  weights_.version = version;
}

template <class Variant>
void Decoder<Variant>::prepare_training(WeightSource const& source, ThreadPool& pool) {
  if (!weights_.inference) throw Error("Decoder::prepare_training", "the decoder has no weights", "load() before");
  weights_.load_backward(layout_, source, pool);
}

template <class Variant>
void Decoder<Variant>::load_adapters(Adapters const& adapters, std::uint64_t version, ThreadPool& pool) {
  adapters_.load(adapters, layout_.config, pool);
  weights_.version = version;
}

template <class Variant>
void Decoder<Variant>::score(PackedBatch batch, HeadRows rows, HeadOutputs outputs, Workspace& workspace,
                             Adapted adapted) const {
  char const* const where = "Decoder::score";
  if (!weights_.inference) throw Error(where, "the decoder has no weights", "load() before");
  detail::check_batch(where, batch, vocab_size());
  detail::check_rows(where, rows, batch.tokens.size(), vocab_size());
  detail::check_outputs(where, outputs, rows.rows.size(), layout_.hidden);
  if (rows.rows.empty()) return;
  detail::PackedAdapters const none;
  detail::ForwardPass<Variant> forward(layout_, weights_, adapted == Adapted::Yes ? adapters_ : none, workspace,
                                       detail::Keep::Nothing);
  float const* const x = forward.run(batch);
  detail::HeadPass(layout_, weights_, workspace, rows).forward(x, outputs, false);
}

template <class Variant>
void Decoder<Variant>::accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                                  Parameters& gradients, Workspace& workspace, LayerDone const& done) const {
  if (!(gradients.config() == layout_.config)) throw Error("Decoder::accumulate", "gradients of another model");
  detail::Offsets const offsets(gradients);
  accumulate(batch, rows, columns, f, {.offsets = offsets, .weights = gradients.values(), .done = &done}, workspace);
}

template <class Variant>
void Decoder<Variant>::accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                                  Adapters& gradients, Workspace& workspace, LayerDone const& done) const {
  if (!adapters_.there()) throw Error("Decoder::accumulate", "the decoder has no adapters", "load_adapters() before");
  detail::Offsets const offsets(layout_.config);
  accumulate(batch, rows, columns, f, {.offsets = offsets, .weights = {}, .adapters = &gradients, .done = &done},
             workspace);
}

template <class Variant>
void Decoder<Variant>::accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                                  detail::GradientPlaces const& to, Workspace& workspace) const {
  char const* const where = "Decoder::accumulate";
  if (!weights_.training) throw Error(where, "the decoder has no weights to train", "load() with Use::Training before");
  detail::check_batch(where, batch, vocab_size());
  detail::check_rows(where, rows, batch.tokens.size(), vocab_size());
  if (rows.rows.empty()) return;
  std::size_t const n = rows.rows.size();
  std::size_t const hidden = layout_.hidden;
  std::size_t const wide = columns.hidden ? n * hidden : 0;
  float* memory = workspace.buffers().head.outputs.reserve(5 * n + 2 * wide);
  auto const take = [&memory](bool wanted, std::size_t floats) {
    std::span<float> const column(memory, wanted ? floats : 0);
    memory += column.size();
    return column;
  };
  bool const vocabulary = columns.vocabulary();
  HeadOutputs const outputs{take(vocabulary, n), take(columns.entropy, n), take(columns.sum_squares, n),
                            take(true, wide)};
  HeadGradients const given{take(vocabulary, n), take(columns.entropy, n), take(true, wide)};
  for (auto column : {given.log_prob, given.entropy, given.hidden}) std::ranges::fill(column, 0.0F);

  detail::ForwardPass<Variant> forward(layout_, weights_, adapters_, workspace,
                                       workspace.options().recompute ? detail::Keep::Inputs : detail::Keep::All);
  float const* const x = forward.run(batch);
  detail::BackwardPass<Variant> backward(layout_, weights_, adapters_, workspace, forward, batch, to);
  std::fill_n(backward.dx(), batch.tokens.size() * hidden, 0.0F);
  std::size_t const most =
      rows.parts && vocabulary ? detail::HeadPass(layout_, weights_, workspace, rows).chunk_rows() : n;
  for (std::size_t begin = 0; begin < n; begin += most) {
    Part const part{begin, std::min(most, n - begin)};
    HeadOutputs const some = part(outputs, hidden);
    HeadGradients const answer = part(given, hidden);
    detail::HeadPass head(layout_, weights_, workspace, part(rows));
    head.forward(x, some, true);
    f(some, answer);
    head.backward(some.entropy, answer, backward.dx(), to.offsets, to.weights);
  }
  backward.run();
}

template class Decoder<Qwen2>;
template class Decoder<Qwen3>;
template class Decoder<Llama>;

}  // namespace grove::nn::cpu
