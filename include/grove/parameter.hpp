// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace grove {

enum class Dtype : std::uint8_t { F64, F32, BF16 };

/// One tensor that is trained: where it lies and where its gradient is accumulated. A view; the policy owns the memory.
/// The gradient has the type of the optimizer's arithmetic: double for F64 values, float for F32 and BF16.
struct ParameterView {
  std::string_view name{};  ///< the checkpoint's (Hugging Face) name
  std::span<const std::size_t> shape{};
  std::size_t size = 0;  ///< number of elements
  void* value = nullptr;
  void* gradient = nullptr;
  Dtype dtype = Dtype::F32;
  bool decay = true;  ///< false for biases and norms, which AdamW's weight decay leaves alone
};

}  // namespace grove
