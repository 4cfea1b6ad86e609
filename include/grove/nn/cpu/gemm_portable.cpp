// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "grove/nn/cpu/gemm_kernels.hpp"

namespace grove::nn::cpu::detail {
namespace {

constexpr std::size_t width = PackedMatrix::panel_width;
constexpr std::size_t tallest = 2;

float widen(float x) { return x; }
float widen(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16U); }

// Plain loops, which the compiler turns into the vectors of whatever it compiles for.
template <class T, std::size_t Rows, bool Gradient>
void multiply(KernelArguments const& g) {
  for (std::size_t panel = 0; panel < g.panels; ++panel) {
    T const* const b = static_cast<T const*>(g.b) + panel * g.b_stride;
    float sum[Rows][width];
    for (std::size_t i = 0; i < Rows; ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        float const old = g.accumulate ? g.c[i * g.ldc + panel * width + j] : 0.0F;
        sum[i][j] = g.bias != nullptr ? g.bias[panel * width + j] : old;
        if (g.bias != nullptr && g.accumulate) sum[i][j] += old;
      }
    }
    for (std::size_t d = 0; d < g.depth; ++d) {
      for (std::size_t i = 0; i < Rows; ++i) {
        float const a = Gradient ? g.a[i + d * g.a_stride] : g.a[i * g.a_stride + d];
        for (std::size_t j = 0; j < width; ++j) sum[i][j] += a * widen(b[d * width + j]);
      }
    }
    for (std::size_t i = 0; i < Rows; ++i) {
      for (std::size_t j = 0; j < width; ++j) g.c[i * g.ldc + panel * width + j] = sum[i][j];
    }
  }
}

void split(Split const& s) {
  for (std::size_t i = 0; i < s.rows; ++i) {
    float const* const from = s.source + i * s.source_stride;
    float* to = s.target + i * s.target_stride;
    for (std::size_t column = 0; column < s.columns; column += s.group, to += s.group_stride) {
      std::memcpy(to, from + column, std::min(s.group, s.columns - column) * sizeof(float));
    }
  }
}

template <std::size_t... Less>
KernelSet make_set(std::index_sequence<Less...>) {
  KernelSet set;
  set.rows = sizeof...(Less);
  ((set.f32[Less + 1] = multiply<float, Less + 1, false>), ...);
  ((set.bf16[Less + 1] = multiply<std::uint16_t, Less + 1, false>), ...);
  ((set.gradient[Less + 1] = multiply<float, Less + 1, true>), ...);
  set.split = split;
  return set;
}

}  // namespace

KernelSet const& portable_kernels() noexcept {
  static KernelSet const set = make_set(std::make_index_sequence<tallest>());
  return set;
}

}  // namespace grove::nn::cpu::detail
