// SPDX-License-Identifier: Apache-2.0
// What a decoder knows of its model: sizes, rotary angles, and the weights as the kernels read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/io/model_config.hpp"
#include "grove/nn/cpu/attention.hpp"
#include "grove/nn/cpu/kv_cache.hpp"
#include "grove/nn/cpu/matrix.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/nn/cpu/weight_source.hpp"

namespace grove::nn::cpu::detail {

/// Cosines and sines of the rotary position embedding.
class Rotary {
 public:
  Rotary(io::Rope const& rope, std::size_t head_dim, std::size_t positions);

  /// Angles of a position: half the head's dimensions.
  [[nodiscard]] std::size_t half() const noexcept { return frequencies_.size(); }

  /// row[0 .. half) = cosines, row[half .. 2 * half) = sines, both times the attention scaling (yarn).
  void fill(std::size_t position, float* row) const;

 private:
  void compute(std::size_t position, float* row) const;

  std::vector<float> frequencies_;
  float scaling_ = 1;
  std::size_t tabulated_ = 0;
  std::vector<float> table_;  // [tabulated, 2 * half]
};

/// Sizes in floats. A row of `qkv` is [queries | keys | values], heads one after another.
struct Layout {
  explicit Layout(io::ModelConfig model);

  io::ModelConfig config;
  std::size_t hidden = 0;
  std::size_t intermediate = 0;
  std::size_t query_width = 0;
  std::size_t key_width = 0;
  std::size_t qkv_width = 0;
  KvShape kv;
  std::vector<AttentionShape> attention;  ///< of each layer
  float epsilon = 0;                      ///< of the norms
  Rotary rotary;
};

/// Matrices whose values are all bfloat16 numbers, such as a checkpoint's of that type, are stored as such, which
/// changes no result.
struct LayerWeights {
  std::vector<float> input_norm, qkv_bias, query_norm, key_norm, out_bias, mlp_norm;
  PackedMatrix qkv, out, gate_up, down;
  PackedMatrix qkv_back, out_back, gate_up_back, down_back;  ///< for gradients of the inputs
};

struct Weights {
  std::uint64_t version = 0;
  bool inference = false;  ///< loaded
  bool training = false;   ///< with the matrices that the backward pass reads
  std::vector<float> embedding;
  std::vector<std::uint16_t> narrow_embedding;  ///< in place of `embedding` where all values are bfloat16 numbers
  std::vector<LayerWeights> layers;
  std::vector<float> norm;
  PackedMatrix head, head_back;

  /// What forward passes read.
  void load(Layout const& layout, WeightSource const& source, ThreadPool& pool);
  /// What the backward pass reads besides, of the same weights.
  void load_backward(Layout const& layout, WeightSource const& source, ThreadPool& pool);

 private:
  void load_embedding(WeightSource const& source, std::size_t offset, std::size_t n, ThreadPool& pool);
};

/// Where the weights of a layer and the rest stand in Parameters::values(): one product's weights side by side.
struct LayerOffsets {
  std::size_t input_norm, qkv, qkv_bias, query_norm, key_norm, out, out_bias, mlp_norm, gate_up, down;
};
struct Offsets {
  std::size_t embedding, norm, head;
  std::size_t size;  ///< of all together
  std::vector<LayerOffsets> layers;

  explicit Offsets(io::ModelConfig const& config);
  explicit Offsets(Parameters const& parameters);
};

}  // namespace grove::nn::cpu::detail
