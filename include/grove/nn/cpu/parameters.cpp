// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/parameters.hpp"

#include <algorithm>
#include <bit>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/bf16.hpp"
#include "grove/io/safetensors.hpp"
#include "grove/random.hpp"

namespace grove::nn::cpu {
namespace {

constexpr std::string_view head_name = "lm_head.weight";

bool is_norm(std::string_view name) { return name.find("norm.weight") != std::string_view::npos; }
bool is_bias(std::string_view name) { return name.ends_with(".bias"); }
bool is_frequencies(std::string_view name) { return name.ends_with("rotary_emb.inv_freq"); }

/// IEEE half, to nearest even; infinity beyond its range.
std::uint16_t to_f16(float value) {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(value);
  auto const sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
  std::uint32_t const magnitude = bits & 0x7FFFFFFFU;
  float const size = std::bit_cast<float>(magnitude);
  if (magnitude > 0x7F800000U) return sign | 0x7E00U;
  if (size >= 65520.0F) return sign | 0x7C00U;
  if (size < 0x1p-14F) {  // adding 0.5 rounds to the step of the subnormals and leaves it in the low bits
    return static_cast<std::uint16_t>(sign |
                                      (std::bit_cast<std::uint32_t>(size + 0.5F) - std::bit_cast<std::uint32_t>(0.5F)));
  }
  std::uint32_t const rebiased = magnitude - (112U << 23);
  return static_cast<std::uint16_t>(sign | (rebiased + 0xFFFU + (rebiased >> 13 & 1U)) >> 13);
}

std::vector<std::uint16_t> rounded(std::span<float const> values, io::DType dtype) {
  if (dtype == io::DType::BF16) return io::to_bf16(values);
  std::vector<std::uint16_t> halves(values.size());
  std::ranges::transform(values, halves.begin(), to_f16);
  return halves;
}

template <class Add>
void list_layer(io::ModelConfig const& c, std::size_t layer, Add const& add) {
  std::string const prefix = "model.layers." + std::to_string(layer) + ".";
  std::string const attention = prefix + "self_attn.";
  std::size_t const queries = c.heads * c.head_dim;
  std::size_t const keys = c.kv_heads * c.head_dim;
  add(prefix + "input_layernorm.weight", {c.hidden_size});
  add(attention + "q_proj.weight", {queries, c.hidden_size});
  add(attention + "k_proj.weight", {keys, c.hidden_size});
  add(attention + "v_proj.weight", {keys, c.hidden_size});
  if (c.qkv_bias) {
    add(attention + "q_proj.bias", {queries});
    add(attention + "k_proj.bias", {keys});
    add(attention + "v_proj.bias", {keys});
  }
  if (c.qk_norm) {
    add(attention + "q_norm.weight", {c.head_dim});
    add(attention + "k_norm.weight", {c.head_dim});
  }
  add(attention + "o_proj.weight", {c.hidden_size, queries});
  if (c.output_bias) add(attention + "o_proj.bias", {c.hidden_size});
  add(prefix + "post_attention_layernorm.weight", {c.hidden_size});
  add(prefix + "mlp.gate_proj.weight", {c.intermediate_size, c.hidden_size});
  add(prefix + "mlp.up_proj.weight", {c.intermediate_size, c.hidden_size});
  add(prefix + "mlp.down_proj.weight", {c.hidden_size, c.intermediate_size});
}

}  // namespace

Parameters::Parameters(io::ModelConfig config) : config_(std::move(config)), entries_(list(config_)) {
  values_.resize(entries_.back().offset + entries_.back().size);
}

std::vector<Parameters::Entry> Parameters::list(io::ModelConfig const& c) {
  std::pair<char const*, std::size_t> const sizes[] = {
      {"vocab_size", c.vocab_size},    {"hidden_size", c.hidden_size},   {"intermediate_size", c.intermediate_size},
      {"num_hidden_layers", c.layers}, {"num_attention_heads", c.heads}, {"num_key_value_heads", c.kv_heads},
      {"head_dim", c.head_dim}};
  for (auto const& [name, size] : sizes) {
    if (size == 0) throw Error("model configuration", std::string(name) + " is 0", "at least 1");
  }
  if (c.heads % c.kv_heads != 0 || c.head_dim % 2 != 0) {
    throw Error("model configuration", "heads that do not divide",
                "num_key_value_heads divides num_attention_heads, head_dim is even");
  }
  std::vector<Entry> entries;
  auto const add = [&entries](std::string name, std::vector<std::size_t> shape) {
    std::size_t size = 1;
    for (std::size_t extent : shape) size *= extent;
    std::size_t const offset = entries.empty() ? 0 : entries.back().offset + entries.back().size;
    entries.push_back({std::move(name), std::move(shape), size, offset});
  };
  add("model.embed_tokens.weight", {c.vocab_size, c.hidden_size});
  for (std::size_t layer = 0; layer < c.layers; ++layer) list_layer(c, layer, add);
  add("model.norm.weight", {c.hidden_size});
  if (!c.tie_word_embeddings) add(std::string(head_name), {c.vocab_size, c.hidden_size});
  return entries;
}

Parameters Parameters::load(io::WeightFolder const& folder, io::ModelConfig const& config) {
  Parameters parameters(config);
  check_names(folder, config, parameters.entries_);
  for (Entry const& entry : parameters.entries_) {
    auto const values = parameters.values().subspan(entry.offset, entry.size);
    io::read_f32(folder.require(entry.name, entry.shape), values);
  }
  return parameters;
}

void Parameters::check_names(io::WeightFolder const& folder, io::ModelConfig const& config,
                             std::span<Entry const> entries) {
  std::unordered_set<std::string_view> known;
  for (Entry const& entry : entries) known.insert(entry.name);
  for (std::string const& name : folder.names()) {
    if (known.contains(name) || is_frequencies(name) || (config.tie_word_embeddings && name == head_name)) continue;
    throw Error(folder.path(), "the tensor " + name + " is not part of this model",
                "the tensors of a " + std::string(io::model_type_name(config.architecture)) + " model with " +
                    std::to_string(config.layers) + " layers",
                "check config.json");
  }
}

void Parameters::save(std::filesystem::path const& folder, io::DType dtype, Adapters const* merged) const {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(folder.string(), "cannot make the folder: " + error.message());
  if (dtype != io::DType::F32 && dtype != io::DType::BF16 && dtype != io::DType::F16)
    throw Error("Parameters::save", "weights as " + std::string(io::safetensors_name(dtype)), "F32, BF16 or F16");
  std::vector<std::uint16_t> const halves =
      dtype == io::DType::F32 ? std::vector<std::uint16_t>() : rounded(values(), dtype);
  std::span<std::byte const> const bytes =
      dtype == io::DType::F32 ? std::as_bytes(values()) : std::as_bytes(std::span(halves));
  std::vector<io::TensorView> tensors;
  std::size_t const width = io::size_of(dtype);
  for (Entry const& entry : entries_)
    tensors.push_back({entry.name, dtype, entry.shape, bytes.subspan(entry.offset * width, entry.size * width)});
  std::vector<std::vector<std::byte>> sums;
  if (merged != nullptr) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      auto const sum = merged_with(*merged, entries_[i]);
      if (sum.empty()) continue;
      auto const half = dtype == io::DType::F32 ? std::vector<std::uint16_t>() : rounded(sum, dtype);
      auto const as_written = half.empty() ? std::as_bytes(std::span(sum)) : std::as_bytes(std::span(half));
      sums.emplace_back(as_written.begin(), as_written.end());
      tensors[i].bytes = sums.back();
    }
  }
  io::ModelConfig config = config_;
  config.dtype = dtype;
  io::write_model_config(folder.string(), config);
  io::write_safetensors((folder / "model.safetensors").string(), tensors);
}

std::vector<float> Parameters::merged_with(Adapters const& adapters, Entry const& entry) const {
  constexpr std::string_view prefix = "model.layers.";
  if (!entry.name.starts_with(prefix) || !entry.name.ends_with("_proj.weight")) return {};
  std::size_t const layer = std::stoul(entry.name.substr(prefix.size()));
  std::size_t p = 0;
  while (p < projections && entry.name.find(projection_names[p]) == std::string::npos) ++p;
  if (p == projections || !adapters.shape().targets[p]) return {};
  auto const a = adapters.a(layer, static_cast<Projection>(p));
  auto const b = adapters.b(layer, static_cast<Projection>(p));
  std::size_t const rank = adapters.shape().rank;
  std::size_t const in = entry.shape[1];
  auto const from = values().subspan(entry.offset, entry.size);
  std::vector<float> sum(from.begin(), from.end());
  std::vector<double> row(in);
  for (std::size_t out = 0; out < entry.shape[0]; ++out) {
    std::ranges::fill(row, 0.0);
    for (std::size_t r = 0; r < rank; ++r)
      for (std::size_t i = 0; i < in; ++i)
        row[i] += static_cast<double>(b[out * rank + r]) * static_cast<double>(a[r * in + i]);
    for (std::size_t i = 0; i < in; ++i)
      sum[out * in + i] = static_cast<float>(static_cast<double>(sum[out * in + i]) + adapters.shape().scale * row[i]);
  }
  return sum;
}

void Parameters::initialise(std::uint64_t seed) {
  RandomStream const stream({.seed = seed, .purpose = Purpose::Initialization});
  constexpr double deviation = 0.02;
  for (Entry const& entry : entries_) {
    auto const values = this->values().subspan(entry.offset, entry.size);
    if (is_norm(entry.name) || is_bias(entry.name)) {
      std::ranges::fill(values, is_norm(entry.name) ? 1.0F : 0.0F);
      continue;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::size_t const place = entry.offset + i;
      values[i] = static_cast<float>(deviation * to_normals(stream.bits({.index = place / 2}))[place % 2]);
    }
  }
}

void Parameters::round_to_bf16() {
  for (float& value : values_) value = io::bf16_to_f32(io::f32_to_bf16(value));
}

Parameters::Entry const& Parameters::entry(std::string_view name) const {
  auto const found = std::ranges::find(entries_, name, &Entry::name);
  if (found == entries_.end()) throw Error("Parameters", "no weight named " + std::string(name));
  return *found;
}

std::span<float> Parameters::operator[](std::string_view name) {
  Entry const& found = entry(name);
  return values().subspan(found.offset, found.size);
}

std::span<float const> Parameters::operator[](std::string_view name) const {
  Entry const& found = entry(name);
  return values().subspan(found.offset, found.size);
}

}  // namespace grove::nn::cpu
