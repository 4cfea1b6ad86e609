// SPDX-License-Identifier: Apache-2.0
// The memory of LibTorch's tensors, where the engine's parameters lie, with AdamW's update in ATen operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "grove/nn/torch/device.hpp"
#include "grove/optim/device_memory.hpp"

namespace grove::nn::torch {

/// On CUDA all work goes to the current stream of the calling thread. Large tensors are gone through in pieces, so that
/// what an operation computes in between is small beside the model. Throws grove::Error for LibTorch's.
class TensorMemory final : public DeviceMemory {
 public:
  explicit TensorMemory(Device device) : place_(device) {}

  [[nodiscard]] Device place() const noexcept { return place_; }

  [[nodiscard]] std::shared_ptr<void> allocate(std::size_t bytes) const override;
  void clear(void* memory, std::size_t bytes) const override;
  void copy(void const* from, void* to, std::size_t bytes) const override;
  void read(void const* from, std::span<std::byte> to) const override;
  void write(std::span<std::byte const> from, void* to) const override;
  [[nodiscard]] double squares(float const* values, std::size_t n) const override;
  void add_pieces(float const* pieces, std::size_t count, float* mine, std::size_t n) const override;
  void widen(std::uint16_t const* from, float* to, std::size_t n) const override;
  void adamw(AdamWUpdate const& update, Tensors const& tensors) const override;

 private:
  Device place_;
};

}  // namespace grove::nn::torch
