// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/adapters.hpp"

#include <cmath>
#include <utility>

#include "grove/error.hpp"
#include "grove/random.hpp"

namespace grove::nn::cpu {

ProjectionSize size_of(Projection projection, io::ModelConfig const& config) {
  std::size_t const queries = config.heads * config.head_dim;
  std::size_t const keys = config.kv_heads * config.head_dim;
  switch (projection) {
    case Projection::Query:
      return {config.hidden_size, queries};
    case Projection::Key:
    case Projection::Value:
      return {config.hidden_size, keys};
    case Projection::Output:
      return {queries, config.hidden_size};
    case Projection::Gate:
    case Projection::Up:
      return {config.hidden_size, config.intermediate_size};
    case Projection::Down:
      return {config.intermediate_size, config.hidden_size};
  }
  return {};
}

Adapters::Adapters(io::ModelConfig const& config, AdapterShape shape) : shape_(shape) {
  if (shape_.rank == 0) throw Error("adapters", "the rank is 0", "at least 1");
  for (std::size_t p = 0; p < projections; ++p)
    if (shape_.targets[p]) place_[p] = of_layer_++;
  if (of_layer_ == 0) throw Error("adapters", "no projection has one", "at least one of q_proj to down_proj");
  for (std::size_t layer = 0; layer < config.layers; ++layer)
    for (std::size_t p = 0; p < projections; ++p) {
      if (!shape_.targets[p]) continue;
      auto const size = size_of(static_cast<Projection>(p), config);
      bool const attention = p <= static_cast<std::size_t>(Projection::Output);
      std::string const name = "base_model.model.model.layers." + std::to_string(layer) +
                               (attention ? ".self_attn." : ".mlp.") + std::string(projection_names[p]);
      add(name + ".lora_A.weight", {shape_.rank, size.in});
      add(name + ".lora_B.weight", {size.out, shape_.rank});
    }
  values_.resize(entries_.back().offset + entries_.back().size);
}

void Adapters::add(std::string name, std::vector<std::size_t> shape) {
  std::size_t const size = shape[0] * shape[1];
  std::size_t const offset = entries_.empty() ? 0 : entries_.back().offset + entries_.back().size;
  entries_.push_back({std::move(name), std::move(shape), size, offset});
}

std::size_t Adapters::entry(std::size_t layer, Projection projection) const {
  return 2 * (layer * of_layer_ + place_[static_cast<std::size_t>(projection)]);
}

void Adapters::initialise(std::uint64_t seed) {
  RandomStream const stream({.seed = seed, .purpose = Purpose::Initialization}, 1);  // 0 is the weights'
  for (std::size_t i = 0; i < entries_.size(); i += 2) {
    double const bound = 1 / std::sqrt(static_cast<double>(entries_[i].shape[1]));
    for (std::size_t at = entries_[i].offset; at < entries_[i].offset + entries_[i].size; ++at)
      values_[at] = static_cast<float>(bound * (2 * uniform(stream, {.index = at}) - 1));
  }
}

}  // namespace grove::nn::cpu
