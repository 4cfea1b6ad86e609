// SPDX-License-Identifier: Apache-2.0
// Between plain memory and tensors.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/torch/device.hpp"
#include "grove/parameter.hpp"

namespace grove::nn::torch::detail {

inline at::Device at_device(Device device) { return device == Device::Cuda ? at::kCUDA : at::kCPU; }
inline at::ScalarType at_dtype(Dtype dtype) { return dtype == Dtype::BF16 ? at::kBFloat16 : at::kFloat; }
constexpr std::int64_t extent(std::size_t n) { return static_cast<std::int64_t>(n); }

/// Floats as a tensor that shares their memory.
inline at::Tensor view(std::span<float const> values) {
  return at::from_blob(const_cast<float*>(values.data()), {extent(values.size())}, at::kFloat);
}

/// Numbers as int64 on the device.
template <class T>
at::Tensor indices(std::span<T const> values, at::Device device) {
  std::vector<std::int64_t> wide(values.begin(), values.end());
  return at::from_blob(wide.data(), {extent(wide.size())}, at::kLong).to(device, at::kLong, false, true);
}

/// Floats on the device.
inline at::Tensor floats(std::span<float const> values, at::Device device) {
  return view(values).to(device, at::kFloat, false, true);
}

/// Copies a tensor's elements; `to` may be empty: not wanted.
inline void copy_out(at::Tensor const& from, std::span<float> to) {
  if (!to.empty()) view(to).copy_(from.reshape(-1));
}

/// Runs `f`; LibTorch's errors (out of memory, say) become grove::Error with their first line.
template <class F>
decltype(auto) translated(char const* where, F&& f) {
  try {
    return f();
  } catch (c10::Error const& e) {
    std::string const message = e.what_without_backtrace();
    throw Error(where, "LibTorch says: " + message.substr(0, message.find('\n')));
  }
}

}  // namespace grove::nn::torch::detail
