// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "grove/nn/cpu/adapters.hpp"
#include "grove/nn/cpu/matrix.hpp"
#include "grove/nn/cpu/thread_pool.hpp"

namespace grove::nn::cpu::detail {

/// One adapter as the kernels read it; the scale is in B.
struct PackedAdapter {
  PackedMatrix a, b;            ///< forward: low = A x, y += B low
  PackedMatrix a_back, b_back;  ///< backward: d_low = B^T dy, dx += A^T d_low

  [[nodiscard]] bool there() const noexcept { return a.outputs() > 0; }
};

struct LayerAdapters {
  std::array<PackedAdapter, projections> of{};

  [[nodiscard]] PackedAdapter const& operator[](Projection p) const noexcept { return of[static_cast<std::size_t>(p)]; }
};

/// The adapters of all layers; none until they are loaded.
struct PackedAdapters {
  std::size_t rank = 0;
  float scale = 0;
  std::vector<LayerAdapters> layers;

  [[nodiscard]] bool there() const noexcept { return !layers.empty(); }
  /// Those of a layer, or null.
  [[nodiscard]] LayerAdapters const* layer(std::size_t index) const noexcept {
    return there() ? &layers[index] : nullptr;
  }

  void load(Adapters const& adapters, io::ModelConfig const& config, ThreadPool& pool);
};

}  // namespace grove::nn::cpu::detail
