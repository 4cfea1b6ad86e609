// SPDX-License-Identifier: Apache-2.0
// A decoder's weights on a device: one buffer in the order of cpu::Parameters, so that weights which one product reads
// (q, k and v; gate and up) are one matrix, and one f32 buffer of the same order for gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <vector>

#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/torch/device.hpp"
#include "grove/parameter.hpp"

namespace grove::nn::torch::detail {

/// Part of the buffer: `value` is an autograd leaf. Undefined where the model has no such weight.
struct Weight {
  at::Tensor value;
  std::size_t offset = 0;
  std::size_t size = 0;

  /// The same values, of which autograd wants no derivatives.
  [[nodiscard]] Weight frozen() const { return {value.defined() ? value.detach() : value, offset, size}; }
};

struct LayerWeights {
  Weight input_norm, qkv, qkv_bias, query_norm, key_norm, out, out_bias, mlp_norm, gate_up, down;

  [[nodiscard]] std::array<Weight const*, 10> all() const {
    return {&input_norm, &qkv, &qkv_bias, &query_norm, &key_norm, &out, &out_bias, &mlp_norm, &gate_up, &down};
  }
  /// The same values, of which autograd wants no derivatives.
  [[nodiscard]] LayerWeights frozen() const;
};

class Weights {
 public:
  Weights(io::ModelConfig const& config, Dtype dtype, Device device);

  void load(cpu::Parameters const& parameters);
  void read(cpu::Parameters& to) const;

  /// Values leave the device for the host's memory, and gradients end; nothing but `onload`, which brings the values
  /// back to the leaves, is asked for in between. The host's copy is kept for the next time until values change, of
  /// which `changed` tells.
  void offload();
  void onload();
  void changed() noexcept { host_.reset(); }
  /// Bytes of values and gradients on the device.
  std::size_t device_bytes() const;

  /// Where all values and all gradients begin.
  void* values() const;
  float* gradients();

  /// The f32 gradient of a weight, in its shape.
  at::Tensor gradient(Weight const& weight);
  /// Adds what autograd left at the leaves of a layer (or at one weight) to the gradients.
  void collect(LayerWeights const& layer);
  void collect(Weight const& weight);
  /// Forgets what an interrupted backward pass left at the leaves.
  void drop_strays();
  /// Adds all gradients to `to` and sets them to 0.
  void take_gradients(cpu::Parameters& to);

  std::vector<LayerWeights> layers;
  Weight embedding, norm, head;

 private:
  Weight part(std::size_t offset, at::IntArrayRef shape) const;

  at::Tensor values_;
  at::Tensor host_;       // the values' copy, if there is one
  at::Tensor gradients_;  // made when first asked for
};

}  // namespace grove::nn::torch::detail
