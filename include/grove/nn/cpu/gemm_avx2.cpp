// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/gemm_kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstdint>
#include <utility>

namespace grove::nn::cpu::detail {
namespace {

constexpr int lanes = 8;
constexpr int panel_vectors = 4;
constexpr std::size_t width = PackedMatrix::panel_width;
constexpr int tallest = 6;  // by half a panel: 12 sums, 2 vectors of the panel and one of a: 15 of 16 registers
static_assert(panel_vectors * lanes == width);

[[gnu::target("avx2,fma"), gnu::always_inline]] inline __m256 load(float const* b) { return _mm256_load_ps(b); }

[[gnu::target("avx2,fma"), gnu::always_inline]] inline __m256 load(std::uint16_t const* b) {
  __m128i const bits = _mm_load_si128(reinterpret_cast<__m128i const*>(b));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

// `Vectors` of 8 columns from vector `first` of a panel on.
template <class T, int Rows, int Vectors, bool Gradient>
[[gnu::target("avx2,fma"), gnu::always_inline]] inline void multiply_part(KernelArguments const& g, std::size_t panel,
                                                                          int first) {
  T const* const b = static_cast<T const*>(g.b) + panel * g.b_stride + first * lanes;
  std::size_t const column = panel * width + static_cast<std::size_t>(first) * lanes;
  float* const c = g.c + column;
  __m256 sum[Rows][Vectors];
  for (int v = 0; v < Vectors; ++v) {
    __m256 const bias = g.bias != nullptr ? _mm256_loadu_ps(g.bias + column + v * lanes) : _mm256_setzero_ps();
    for (int i = 0; i < Rows; ++i) sum[i][v] = bias;
  }
  if (g.accumulate) {
    for (int i = 0; i < Rows; ++i) {
      for (int v = 0; v < Vectors; ++v) {
        __m256 const old = _mm256_loadu_ps(c + i * g.ldc + v * lanes);
        sum[i][v] = g.bias != nullptr ? _mm256_add_ps(sum[i][v], old) : old;
      }
    }
  }
  char const* const next = g.next != nullptr ? g.next : static_cast<char const*>(g.b);
  for (std::size_t d = 0; d < g.depth; ++d) {
    if constexpr (Rows > 3) _mm_prefetch(next + d * g.next_stride, _MM_HINT_T1);
    __m256 wide[Vectors];
    for (int v = 0; v < Vectors; ++v) wide[v] = load(b + d * width + v * lanes);
    for (int i = 0; i < Rows; ++i) {
      __m256 const a = _mm256_set1_ps(Gradient ? g.a[i + d * g.a_stride] : g.a[i * g.a_stride + d]);
      for (int v = 0; v < Vectors; ++v) sum[i][v] = _mm256_fmadd_ps(a, wide[v], sum[i][v]);
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int v = 0; v < Vectors; ++v) _mm256_storeu_ps(c + i * g.ldc + v * lanes, sum[i][v]);
  }
}

template <class T, int Rows, bool Gradient>
[[gnu::target("avx2,fma")]] void multiply(KernelArguments const& g) {
  constexpr int vectors = Rows <= 3 ? 4 : 2;
  for (std::size_t panel = 0; panel < g.panels; ++panel) {
    for (int first = 0; first < panel_vectors; first += vectors) {
      multiply_part<T, Rows, vectors, Gradient>(g, panel, first);
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
  set.split = portable_kernels().split;
  return set;
}

}  // namespace

KernelSet const& avx2_kernels() noexcept {
  static KernelSet const set = make_set(std::make_integer_sequence<int, tallest>());
  return set;
}

}  // namespace grove::nn::cpu::detail
#endif
