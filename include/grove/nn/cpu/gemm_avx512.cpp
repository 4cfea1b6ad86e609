// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/gemm_kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace grove::nn::cpu::detail {
namespace {

constexpr int lanes = 16;
constexpr int panel_vectors = 2;
constexpr std::size_t width = PackedMatrix::panel_width;
constexpr int tallest = 14;  // 28 sums, 2 vectors of the panel and one of a: 31 of 32 registers
static_assert(panel_vectors * lanes == width);

[[gnu::target("avx512f"), gnu::always_inline]] inline __m512 load(float const* b) { return _mm512_load_ps(b); }

// With masks that let all through, because g++ 12 warns of its own unmasked intrinsics.
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512 load(std::uint16_t const* b) {
  __m256i const bits = _mm256_load_si256(reinterpret_cast<__m256i const*>(b));
  __m512i const low = _mm512_maskz_cvtepu16_epi32(0xFFFF, bits);
  return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xFFFF, low, 16));
}

// `Group` panels at once, so that a few rows have sums enough to hide the latency of the multiply-adds.
template <class T, int Rows, int Group, bool Gradient>
[[gnu::target("avx512f"), gnu::always_inline]] inline void multiply_group(KernelArguments const& g, std::size_t panel) {
  constexpr int vectors = Group * panel_vectors;
  T const* const b = static_cast<T const*>(g.b) + panel * g.b_stride;
  float* const c = g.c + panel * width;
  __m512 sum[Rows][vectors];
  for (int v = 0; v < vectors; ++v) {
    __m512 const bias = g.bias != nullptr ? _mm512_loadu_ps(g.bias + panel * width + v * lanes) : _mm512_setzero_ps();
    for (int i = 0; i < Rows; ++i) sum[i][v] = bias;
  }
  if (g.accumulate) {
    for (int i = 0; i < Rows; ++i) {
      for (int v = 0; v < vectors; ++v) {
        __m512 const old = _mm512_loadu_ps(c + i * g.ldc + v * lanes);
        sum[i][v] = g.bias != nullptr ? _mm512_add_ps(sum[i][v], old) : old;
      }
    }
  }
  char const* const next = g.next != nullptr ? g.next : static_cast<char const*>(g.b);
  for (std::size_t d = 0; d < g.depth; ++d) {
    if constexpr (Rows > 6) _mm_prefetch(next + d * g.next_stride, _MM_HINT_T1);
    __m512 wide[vectors];
    for (int v = 0; v < vectors; ++v) {
      wide[v] = load(b + (v / panel_vectors) * g.b_stride + d * width + (v % panel_vectors) * lanes);
    }
    for (int i = 0; i < Rows; ++i) {
      __m512 const a = _mm512_set1_ps(Gradient ? g.a[i + d * g.a_stride] : g.a[i * g.a_stride + d]);
      for (int v = 0; v < vectors; ++v) sum[i][v] = _mm512_fmadd_ps(a, wide[v], sum[i][v]);
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int v = 0; v < vectors; ++v) _mm512_storeu_ps(c + i * g.ldc + v * lanes, sum[i][v]);
  }
}

template <class T, int Rows, bool Gradient>
[[gnu::target("avx512f")]] void multiply(KernelArguments const& g) {
  constexpr int group = Rows <= 3 ? 4 : Rows <= 6 ? 2 : 1;
  std::size_t panel = 0;
  for (; panel + group <= g.panels; panel += group) multiply_group<T, Rows, group, Gradient>(g, panel);
  if constexpr (group > 1) {
    for (; panel < g.panels; ++panel) multiply_group<T, Rows, 1, Gradient>(g, panel);
  }
}

// The first `columns` <= 32 of a group; what is beyond them in the last vector becomes zero.
[[gnu::target("avx512f")]] void copy_columns(float const* from, std::size_t columns, float* to) {
  std::uint64_t const mask = (std::uint64_t{1} << columns) - 1;
  auto const low = static_cast<__mmask16>(mask);
  auto const high = static_cast<__mmask16>(mask >> 16U);
  _mm512_storeu_ps(to, _mm512_maskz_loadu_ps(low, from));
  if (high != 0) _mm512_storeu_ps(to + lanes, _mm512_maskz_loadu_ps(high, from + lanes));
}

[[gnu::target("avx512f")]] void split(Split const& s) {
  std::size_t const vectors = (s.group + lanes - 1) / lanes;
  // Groups that whole vectors may copy without reading beyond the row.
  std::size_t const whole = s.columns < vectors * lanes ? 0 : (s.columns - vectors * lanes) / s.group + 1;
  for (std::size_t i = 0; i < s.rows; ++i) {
    float const* const from = s.source + i * s.source_stride;
    float* const to = s.target + i * s.target_stride;
    for (std::size_t v = 0; v < vectors; ++v) {
      for (std::size_t g = 0; g < whole; ++g) {
        _mm512_storeu_ps(to + g * s.group_stride + v * lanes, _mm512_loadu_ps(from + g * s.group + v * lanes));
      }
    }
    for (std::size_t g = whole; g * s.group < s.columns; ++g) {
      copy_columns(from + g * s.group, std::min(s.group, s.columns - g * s.group), to + g * s.group_stride);
    }
  }
}

template <int... Less>
KernelSet make_set(std::integer_sequence<int, Less...>) {
  KernelSet set;
  set.rows = sizeof...(Less);
  ((set.f32[Less + 1] = multiply<float, Less + 1, false>), ...);
  ((set.bf16[Less + 1] = multiply<std::uint16_t, Less + 1, false>), ...);
  ((set.gradient[Less + 1] = multiply<float, Less + 1, true>), ...);
  set.split = split;
  return set;
}

}  // namespace

KernelSet const& avx512_kernels() noexcept {
  static KernelSet const set = make_set(std::make_integer_sequence<int, tallest>());
  return set;
}

}  // namespace grove::nn::cpu::detail
#endif
