// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/packed_adapters.hpp"

#include <algorithm>

namespace grove::nn::cpu::detail {

void PackedAdapters::load(Adapters const& adapters, io::ModelConfig const& config, ThreadPool& pool) {
  rank = adapters.shape().rank;
  scale = static_cast<float>(adapters.shape().scale);
  layers.resize(config.layers);
  std::vector<float> scaled;
  for (std::size_t layer = 0; layer < config.layers; ++layer)
    for (std::size_t p = 0; p < projections; ++p) {
      auto const projection = static_cast<Projection>(p);
      if (!adapters.shape().has(projection)) continue;
      auto const size = size_of(projection, config);
      auto const a = adapters.a(layer, projection);
      auto const b = adapters.b(layer, projection);
      scaled.resize(b.size());
      std::ranges::transform(b, scaled.begin(), [this](float x) { return scale * x; });
      PackedAdapter& packed = layers[layer].of[p];
      packed.a.pack(a.data(), rank, size.in, pool);
      packed.a_back.pack_transposed(a.data(), rank, size.in, pool);
      packed.b.pack(scaled.data(), size.out, rank, pool);
      packed.b_back.pack_transposed(scaled.data(), size.out, rank, pool);
    }
}

}  // namespace grove::nn::cpu::detail
