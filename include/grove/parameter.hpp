// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace grove {

enum class Dtype : std::uint8_t { F64, F32, BF16 };

constexpr std::size_t value_bytes(Dtype dtype) { return dtype == Dtype::F64 ? 8 : dtype == Dtype::F32 ? 4 : 2; }
constexpr std::size_t gradient_bytes(Dtype dtype) { return dtype == Dtype::F64 ? 8 : 4; }

class DeviceMemory;

/// One tensor that is trained: where it lies and where its gradient is accumulated. A view; the policy owns the memory.
/// The gradient has the type of the optimizer's arithmetic: double for F64 values, float for F32 and BF16.
struct ParameterView {
  std::string_view name{};  ///< the checkpoint's (Hugging Face) name
  std::span<const std::size_t> shape{};
  std::size_t size = 0;  ///< number of elements
  void* value = nullptr;
  void* gradient = nullptr;
  Dtype dtype = Dtype::F32;
  bool decay = true;      ///< false for biases and norms, which AdamW's weight decay leaves alone
  double rate = 1;        ///< times the schedule's learning rate
  bool critic = false;    ///< serves values alone: what is trained while a critic warms up
  bool frozen = false;    ///< left out of this update: no part of the norm, neither value nor moments change
  std::size_t whole = 0;  ///< elements of the tensor that this is a piece of; 0: it is all of one
  DeviceMemory const* device =
      nullptr;  ///< where value and gradient lie (optim/device_memory.hpp); null: with the host
};

/// bf16 is the upper half of an f32.
constexpr float widen(std::uint16_t bf16) { return std::bit_cast<float>(static_cast<std::uint32_t>(bf16) << 16); }
/// The nearest bf16, ties to even.
constexpr std::uint16_t narrow(float x) {
  auto const bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

/// Element i of a parameter's value on the host, whatever it is stored as.
inline double value_at(ParameterView const& p, std::size_t i) {
  switch (p.dtype) {
    case Dtype::F64:
      return static_cast<double const*>(p.value)[i];
    case Dtype::F32:
      return static_cast<double>(static_cast<float const*>(p.value)[i]);
    case Dtype::BF16:
      return static_cast<double>(widen(static_cast<std::uint16_t const*>(p.value)[i]));
  }
  return 0;
}
inline void set_value(ParameterView const& p, std::size_t i, double x) {
  switch (p.dtype) {
    case Dtype::F64:
      static_cast<double*>(p.value)[i] = x;
      break;
    case Dtype::F32:
      static_cast<float*>(p.value)[i] = static_cast<float>(x);
      break;
    case Dtype::BF16:
      static_cast<std::uint16_t*>(p.value)[i] = narrow(static_cast<float>(x));
      break;
  }
}

}  // namespace grove
