// SPDX-License-Identifier: Apache-2.0
// Keys and values of sequences that grow token by token, on a device: one row of fixed capacity a sequence, doubled
// when the longest one needs it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/io/model_config.hpp"

namespace grove::nn::torch::detail {

class KvCache {
 public:
  using Slot = std::uint32_t;

  KvCache(io::ModelConfig const& config, at::TensorOptions options);

  /// A sequence without tokens, whose first will stand at `first_position`. Takes the lowest free slot.
  Slot open(std::size_t first_position);
  /// A copy of a sequence as it is now.
  Slot fork(Slot parent);
  /// Room for so many more tokens, whose keys and values the caller writes.
  void extend(Slot slot, std::size_t tokens);
  void close(Slot slot);

  [[nodiscard]] std::size_t length(Slot slot) const { return at(slot).length; }
  [[nodiscard]] std::size_t first_position(Slot slot) const { return at(slot).first_position; }
  /// One beyond the highest slot in use.
  [[nodiscard]] std::size_t slots() const noexcept { return sequences_.size(); }
  [[nodiscard]] std::size_t longest() const noexcept;

  /// Writes the rows `[n, kv_heads, head_dim]` at `places`, which are slot * capacity + index.
  void write(std::size_t layer, at::Tensor const& places, at::Tensor const& keys, at::Tensor const& values);
  [[nodiscard]] std::size_t place(Slot slot, std::size_t index) const noexcept { return slot * capacity_ + index; }

  /// Of all slots, the first `tokens` tokens: `[slots, kv_heads, tokens, head_dim]`.
  [[nodiscard]] at::Tensor keys(std::size_t layer, std::size_t tokens) const {
    return view(layers_[layer].keys, tokens);
  }
  [[nodiscard]] at::Tensor values(std::size_t layer, std::size_t tokens) const {
    return view(layers_[layer].values, tokens);
  }

 private:
  struct Layer {
    at::Tensor keys, values;  // [rows, capacity, kv_heads, head_dim]
  };
  struct Sequence {
    bool open = false;
    std::size_t length = 0;
    std::size_t first_position = 0;
  };

  [[nodiscard]] Sequence const& at(Slot slot) const;  // throws grove::Error where the slot is not in use
  void reserve(std::size_t rows, std::size_t tokens);
  [[nodiscard]] at::Tensor view(at::Tensor const& t, std::size_t tokens) const;

  std::size_t rows_ = 0;
  std::size_t capacity_ = 0;
  std::int64_t heads_, head_dim_;
  at::TensorOptions options_;
  std::vector<Layer> layers_;
  std::vector<Sequence> sequences_;
};

}  // namespace grove::nn::torch::detail
