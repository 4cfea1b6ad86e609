// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace grove::io {

/// Every element type that a safetensors file can name and whose elements are whole bytes.
enum class DType : std::uint8_t { Bool, U8, I8, F8E5M2, F8E4M3, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64 };

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
    case DType::I8:
    case DType::F8E5M2:
    case DType::F8E4M3:
      return 1;
    case DType::I16:
    case DType::U16:
    case DType::F16:
    case DType::BF16:
      return 2;
    case DType::I32:
    case DType::U32:
    case DType::F32:
      return 4;
    case DType::F64:
    case DType::I64:
    case DType::U64:
      return 8;
  }
  return 0;
}

/// The name in a safetensors header, such as "BF16".
constexpr std::string_view safetensors_name(DType dtype) {
  constexpr std::string_view names[] = {"BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3", "I16", "U16", "F16",
                                        "BF16", "I32", "U32", "F32",     "F64",     "I64", "U64"};
  return names[static_cast<std::size_t>(dtype)];
}

/// The type of that safetensors name, or none.
constexpr std::optional<DType> dtype_of_safetensors_name(std::string_view name) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(DType::U64); ++i)
    if (safetensors_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  return std::nullopt;
}

}  // namespace grove::io
