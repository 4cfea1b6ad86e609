// SPDX-License-Identifier: Apache-2.0
// Low-rank adapters beside a decoder's weights on a device (cpu::Adapters has their layout), in the weights' dtype.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "grove/nn/cpu/adapters.hpp"
#include "grove/nn/torch/device.hpp"
#include "grove/nn/torch/weights.hpp"
#include "grove/parameter.hpp"

namespace grove::nn::torch::detail {

/// A `[rank, in]` and B `[out, rank]` of one projection, autograd leaves; undefined where it has no adapter.
struct LowRank {
  at::Tensor a, b;
  std::int64_t out = 0;
};

struct LayerAdapters {
  std::array<LowRank, cpu::projections> of{};
  double scale = 0;
  std::size_t first = 0;  ///< place of the layer's first value in cpu::Adapters
  std::size_t size = 0;   ///< how many there are, side by side

  [[nodiscard]] LowRank const& operator[](cpu::Projection p) const { return of[static_cast<std::size_t>(p)]; }
};

/// x W' + bias, with what the adapters of its projections add, whose outputs stand side by side. Null: there are none.
at::Tensor product(at::Tensor const& x, Weight const& weight, Weight const& bias, LayerAdapters const* adapters,
                   std::initializer_list<cpu::Projection> projections);

class DeviceAdapters {
 public:
  DeviceAdapters(cpu::Adapters const& adapters, io::ModelConfig const& config, Dtype dtype, Device device);

  [[nodiscard]] cpu::AdapterShape const& shape() const { return shape_; }
  /// Takes over values of the same shape, rounded to the dtype.
  void load(cpu::Adapters const& adapters);
  /// Adds what autograd left at the leaves of a layer to `to`, and forgets it.
  void take_gradients(std::size_t layer, cpu::Adapters& to);
  /// Forgets what an interrupted backward pass left.
  void drop_strays();

  std::vector<LayerAdapters> layers;

 private:
  cpu::AdapterShape shape_;
  at::Tensor values_;
};

}  // namespace grove::nn::torch::detail
