// SPDX-License-Identifier: Apache-2.0
// The pool of pages of a decoder on a device, and the angles of its positions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "grove/io/model_config.hpp"
#include "grove/nn/cpu/decoder_layout.hpp"
#include "grove/nn/torch/page_table.hpp"

namespace grove::nn::torch::detail {

class PagedCache {
 public:
  using Slot = PageTable::Slot;

  PagedCache(io::ModelConfig const& config, cpu::detail::Rotary const& rotary, at::TensorOptions options);

  Slot open(std::size_t first_position) { return table_.open(first_position); }
  Slot fork(Slot parent);
  void extend(Slot slot, std::size_t tokens);
  void close(Slot slot) { table_.close(slot); }
  void limit(std::size_t pages) { table_.limit(pages); }
  [[nodiscard]] PageTable const& table() const noexcept { return table_; }

  /// `[pages, kv_heads, page_tokens, head_dim]`
  [[nodiscard]] at::Tensor const& keys(std::size_t layer) const { return layers_[layer].keys; }
  [[nodiscard]] at::Tensor const& values(std::size_t layer) const { return layers_[layer].values; }
  /// `[positions, head_dim]` f32, of every position in the cache.
  [[nodiscard]] at::Tensor const& angles() const noexcept { return angles_; }
  /// Another number whenever memory has moved.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

 private:
  struct Layer {
    at::Tensor keys, values;
  };

  void reserve_pages();
  void reserve_angles(std::size_t positions);

  PageTable table_;
  cpu::detail::Rotary const* rotary_;
  std::int64_t heads_, head_dim_;
  at::TensorOptions options_;
  std::size_t pages_ = 0;  // of the pool
  std::vector<Layer> layers_;
  at::Tensor angles_;
  std::uint64_t epoch_ = 0;
};

}  // namespace grove::nn::torch::detail
