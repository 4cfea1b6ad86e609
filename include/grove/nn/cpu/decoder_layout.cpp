// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_layout.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/bf16.hpp"
#include "grove/io/rope.hpp"
#include "grove/io/safetensors.hpp"

namespace grove::nn::cpu::detail {

Rotary::Rotary(io::Rope const& rope, std::size_t head_dim, std::size_t positions)
    : frequencies_(io::inverse_frequencies(rope, head_dim)), scaling_(static_cast<float>(io::attention_scaling(rope))) {
  constexpr std::size_t most = 4096;  // rows; sine and cosine of the positions beyond are computed each time
  std::size_t const rows = std::min(positions, most);
  table_.resize(rows * 2 * half());
  for (std::size_t position = 0; position < rows; ++position) compute(position, table_.data() + position * 2 * half());
  tabulated_ = rows;
}

void Rotary::fill(std::size_t position, float* row) const {
  if (position >= tabulated_) return compute(position, row);
  float const* const known = table_.data() + position * 2 * half();
  std::copy(known, known + 2 * half(), row);
}

void Rotary::compute(std::size_t position, float* row) const {
  for (std::size_t i = 0; i < half(); ++i) {
    float const angle = static_cast<float>(position) * frequencies_[i];  // rounded to f32, as in transformers
    row[i] = static_cast<float>(std::cos(static_cast<double>(angle))) * scaling_;
    row[half() + i] = static_cast<float>(std::sin(static_cast<double>(angle))) * scaling_;
  }
}

Layout::Layout(io::ModelConfig model)
    : config(std::move(model)),
      hidden(config.hidden_size),
      intermediate(config.intermediate_size),
      query_width(config.heads * config.head_dim),
      key_width(config.kv_heads * config.head_dim),
      qkv_width(query_width + 2 * key_width),
      kv{.layers = config.layers, .kv_heads = config.kv_heads, .head_dim = config.head_dim},
      epsilon(static_cast<float>(config.rms_norm_eps)),
      rotary(config.rope, config.head_dim, config.max_position_embeddings) {
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    AttentionShape shape{.group = config.heads / config.kv_heads, .head_dim = config.head_dim};
    shape.value_stride = kv.value_stride();
    shape.window = layer < config.windows.size() ? config.windows[layer].value_or(0) : 0;
    shape.scale = 1.0F / std::sqrt(static_cast<float>(config.head_dim));
    attention.push_back(shape);
  }
}

Offsets::Offsets(Parameters const& parameters) : Offsets(parameters.config()) {
  if (size != parameters.values().size()) throw Error("Decoder", "parameters in an unknown order");
}

Offsets::Offsets(io::ModelConfig const& config) {
  std::size_t at = 0;
  auto const take = [&at](std::size_t floats) { return std::exchange(at, at + floats); };
  std::size_t const hidden = config.hidden_size;
  std::size_t const queries = config.heads * config.head_dim;
  std::size_t const qkv = queries + 2 * config.kv_heads * config.head_dim;
  embedding = take(config.vocab_size * hidden);
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    LayerOffsets o{};
    o.input_norm = take(hidden);
    o.qkv = take(qkv * hidden);
    o.qkv_bias = take(config.qkv_bias ? qkv : 0);
    o.query_norm = take(config.qk_norm ? config.head_dim : 0);
    o.key_norm = take(config.qk_norm ? config.head_dim : 0);
    o.out = take(hidden * queries);
    o.out_bias = take(config.output_bias ? hidden : 0);
    o.mlp_norm = take(hidden);
    o.gate_up = take(2 * config.intermediate_size * hidden);
    o.down = take(hidden * config.intermediate_size);
    layers.push_back(o);
  }
  norm = take(hidden);
  head = config.tie_word_embeddings ? embedding : take(config.vocab_size * hidden);
  size = at;
}

namespace {

/// Packs matrices one after another, in whichever form their source has them.
class Packer {
 public:
  Packer(WeightSource const& source, ThreadPool& pool) : source_(source), pool_(pool) {}

  /// `[n, k]` from `offset` on.
  void pack(PackedMatrix& to, std::size_t offset, std::size_t n, std::size_t k) { pack(to, offset, n, k, false); }
  void pack_transposed(PackedMatrix& to, std::size_t offset, std::size_t n, std::size_t k) {
    pack(to, offset, n, k, true);
  }

 private:
  void pack(PackedMatrix& to, std::size_t offset, std::size_t n, std::size_t k, bool turned) {
    if (auto const bits = source_.bf16(offset, n * k, halves_); !bits.empty())
      return turned ? to.pack_bf16_transposed(bits.data(), n, k, pool_) : to.pack_bf16(bits.data(), n, k, pool_);
    auto const w = source_.floats(offset, n * k, floats_);
    if (all_bf16(w, pool_))
      return turned ? to.pack_narrow_transposed(w.data(), n, k, pool_) : to.pack_narrow(w.data(), n, k, pool_);
    turned ? to.pack_transposed(w.data(), n, k, pool_) : to.pack(w.data(), n, k, pool_);
  }

  WeightSource const& source_;
  ThreadPool& pool_;
  std::vector<float> floats_;
  std::vector<std::uint16_t> halves_;
};

void check_model(Layout const& layout, WeightSource const& source) {
  if (!(source.config() == layout.config))
    throw Error("Decoder::load", "parameters of another model", "those of the configuration it was made with");
}

}  // namespace

void Weights::load(Layout const& layout, WeightSource const& source, ThreadPool& pool) {
  auto const& config = layout.config;
  check_model(layout, source);
  Offsets const offsets(config);
  auto const copy = [&](std::vector<float>& to, std::size_t offset, std::size_t n) {
    to.resize(n);
    source.read(offset, to);
  };
  Packer packer(source, pool);
  inference = training = false;
  layers.resize(config.layers);
  std::size_t const hidden = layout.hidden;
  for (std::size_t i = 0; i < config.layers; ++i) {
    LayerWeights& layer = layers[i];
    LayerOffsets const& o = offsets.layers[i];
    copy(layer.input_norm, o.input_norm, hidden);
    copy(layer.qkv_bias, o.qkv_bias, config.qkv_bias ? layout.qkv_width : 0);
    copy(layer.query_norm, o.query_norm, config.qk_norm ? config.head_dim : 0);
    copy(layer.key_norm, o.key_norm, config.qk_norm ? config.head_dim : 0);
    copy(layer.out_bias, o.out_bias, config.output_bias ? hidden : 0);
    copy(layer.mlp_norm, o.mlp_norm, hidden);
    packer.pack(layer.qkv, o.qkv, layout.qkv_width, hidden);
    packer.pack(layer.out, o.out, hidden, layout.query_width);
    packer.pack(layer.gate_up, o.gate_up, 2 * layout.intermediate, hidden);
    packer.pack(layer.down, o.down, hidden, layout.intermediate);
  }
  load_embedding(source, offsets.embedding, config.vocab_size * hidden, pool);
  copy(norm, offsets.norm, hidden);
  packer.pack(head, offsets.head, config.vocab_size, hidden);
  inference = true;
}

void Weights::load_embedding(WeightSource const& source, std::size_t offset, std::size_t n, ThreadPool& pool) {
  std::vector<std::uint16_t> halves;
  if (auto const bits = source.bf16(offset, n, halves); !bits.empty()) {
    narrow_embedding.assign(bits.begin(), bits.end());
  } else if (auto const* const parameters = source.parameters();
             parameters != nullptr && all_bf16(parameters->values().subspan(offset, n), pool)) {
    narrow_embedding = io::to_bf16(parameters->values().subspan(offset, n));
  } else {
    std::vector<std::uint16_t>().swap(narrow_embedding);
    embedding.resize(n);
    source.read(offset, embedding);
    return;
  }
  std::vector<float>().swap(embedding);
}

void Weights::load_backward(Layout const& layout, WeightSource const& source, ThreadPool& pool) {
  auto const& config = layout.config;
  check_model(layout, source);
  Offsets const offsets(config);
  Packer packer(source, pool);
  std::size_t const hidden = layout.hidden;
  for (std::size_t i = 0; i < config.layers; ++i) {
    LayerOffsets const& o = offsets.layers[i];
    packer.pack_transposed(layers[i].qkv_back, o.qkv, layout.qkv_width, hidden);
    packer.pack_transposed(layers[i].out_back, o.out, hidden, layout.query_width);
    packer.pack_transposed(layers[i].gate_up_back, o.gate_up, 2 * layout.intermediate, hidden);
    packer.pack_transposed(layers[i].down_back, o.down, hidden, layout.intermediate);
  }
  packer.pack_transposed(head_back, offsets.head, config.vocab_size, hidden);
  training = true;
}

}  // namespace grove::nn::cpu::detail
