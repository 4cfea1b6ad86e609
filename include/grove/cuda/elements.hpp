// SPDX-License-Identifier: Apache-2.0
// Numbers as kernels store them, f32 or bf16, and as they compute with them, f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "grove/host_device.hpp"

namespace grove::cuda {

/// The upper half of an f32.
struct Bf16 {
  std::uint16_t bits;
};

GROVE_HOST_DEVICE inline float widened(float x) { return x; }
GROVE_HOST_DEVICE inline float widened(Bf16 x) {
  std::uint32_t const bits = static_cast<std::uint32_t>(x.bits) << 16U;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The nearest number of the type, ties to even; NaN stays NaN.
template <class T>
GROVE_HOST_DEVICE T narrowed(float x);
template <>
GROVE_HOST_DEVICE inline float narrowed<float>(float x) {
  return x;
}
template <>
GROVE_HOST_DEVICE inline Bf16 narrowed<Bf16>(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  if (x != x) return {static_cast<std::uint16_t>((bits >> 16U) | 0x40U)};
  return {static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U)};
}

/// x as it is once stored.
template <class T>
GROVE_HOST_DEVICE float rounded(float x) {
  return widened(narrowed<T>(x));
}

/// Sixteen bytes at once.
template <class T>
struct alignas(16) Pack {
  static constexpr unsigned count = 16 / sizeof(T);
  T x[count];
};

/// to[0 .. n) = from[0 .. n), n a multiple of a pack's count; `from` is aligned as a pack.
template <unsigned N, class T>
GROVE_HOST_DEVICE void load(T const* from, float (&to)[N]) {
  static_assert(N % Pack<T>::count == 0);
  for (unsigned i = 0; i < N; i += Pack<T>::count) {
    auto const pack = *reinterpret_cast<Pack<T> const*>(from + i);
    for (unsigned j = 0; j < Pack<T>::count; ++j) to[i + j] = widened(pack.x[j]);
  }
}

template <unsigned N, class T>
GROVE_HOST_DEVICE void store(float const (&from)[N], T* to) {
  static_assert(N % Pack<T>::count == 0);
  for (unsigned i = 0; i < N; i += Pack<T>::count) {
    Pack<T> pack;
    for (unsigned j = 0; j < Pack<T>::count; ++j) pack.x[j] = narrowed<T>(from[i + j]);
    *reinterpret_cast<Pack<T>*>(to + i) = pack;
  }
}

}  // namespace grove::cuda
