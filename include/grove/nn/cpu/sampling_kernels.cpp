// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/sampling_kernels.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace grove::nn::cpu::detail {
namespace {

// Sixteen lanes by the compilers' vector extension: one AVX-512 register, two of AVX2, four of SSE2 or NEON. Passed by
// reference only, since how a vector is passed by value depends on the instruction set.
constexpr std::size_t lanes = 16;
using Floats = float __attribute__((vector_size(lanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(lanes * sizeof(float))));

constexpr float lowest = -std::numeric_limits<float>::infinity();

[[gnu::always_inline]] inline void load(float const* from, Floats& x) { std::memcpy(&x, from, sizeof x); }

// The rest of a row, filled up.
[[gnu::always_inline]] inline void load_rest(float const* from, std::size_t count, float fill, Floats& x) {
  x = Floats{} + fill;
  std::memcpy(&x, from, count * sizeof(float));
}

// x = e^((x - top) * scale): 2^n times a polynomial (Cephes' expf) in the rest. Two powers of two, so that neither
// overflows, and products only, so that NaN stays NaN.
[[gnu::always_inline]] inline void exponential(Floats& x, float scale, float top) {
  x = (x - top) * scale;
  Ints const vanishes = x < -87.0f;
  x = vanishes ? Floats{} - 87.0f : x;
  Floats const shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the integer stands in the low bits
  Floats const n = shifted - 12582912.0f;
  Floats const r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Ints bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127) << 23;
  Floats power;
  std::memcpy(&power, &bits, sizeof power);
  x = vanishes ? Floats{} : p * power;
}

[[gnu::always_inline]] inline float fold_sum(Floats const& x) {
  float sum[lanes];
  std::memcpy(sum, &x, sizeof sum);
  for (std::size_t width = lanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) sum[i] += sum[i + width];
  }
  return sum[0];
}

[[gnu::always_inline]] inline float fold_max(Floats const& x) {
  float most = lowest;
  for (std::size_t i = 0; i < lanes; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

[[gnu::always_inline]] inline void block_maxima(float const* logits, std::size_t n, float* maxima) {
  for (std::size_t begin = 0; begin < n; begin += SamplingKernels::block) {
    std::size_t const end = std::min(n, begin + SamplingKernels::block);
    Floats most = Floats{} + lowest;
    Floats x;
    std::size_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      load(logits + i, x);
      most = x > most ? x : most;
    }
    if (i < end) {
      load_rest(logits + i, end - i, lowest, x);
      most = x > most ? x : most;
    }
    *maxima++ = fold_max(most);
  }
}

[[gnu::always_inline]] inline void block_sums(float const* logits, std::size_t n, float scale, float top, float* sums) {
  for (std::size_t begin = 0; begin < n; begin += SamplingKernels::block) {
    std::size_t const end = std::min(n, begin + SamplingKernels::block);
    Floats sum = {};
    Floats x;
    std::size_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      load(logits + i, x);
      exponential(x, scale, top);
      sum += x;
    }
    if (i < end) {
      load_rest(logits + i, end - i, lowest, x);
      exponential(x, scale, top);
      sum += x;
    }
    *sums++ = fold_sum(sum);
  }
}

[[gnu::always_inline]] inline void weigh(float const* logits, std::size_t n, float scale, float top, float* weights) {
  Floats x;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    load(logits + i, x);
    exponential(x, scale, top);
    std::memcpy(weights + i, &x, sizeof x);
  }
  if (i < n) {
    load_rest(logits + i, n - i, lowest, x);
    exponential(x, scale, top);
    std::memcpy(weights + i, &x, (n - i) * sizeof(float));
  }
}

void block_maxima_portable(float const* logits, std::size_t n, float* maxima) { block_maxima(logits, n, maxima); }
void block_sums_portable(float const* logits, std::size_t n, float scale, float top, float* sums) {
  block_sums(logits, n, scale, top, sums);
}
void weigh_portable(float const* logits, std::size_t n, float scale, float top, float* weights) {
  weigh(logits, n, scale, top, weights);
}

#if defined(__x86_64__)

[[gnu::target("avx2,fma")]] void block_maxima_avx2(float const* logits, std::size_t n, float* maxima) {
  block_maxima(logits, n, maxima);
}
[[gnu::target("avx2,fma")]] void block_sums_avx2(float const* logits, std::size_t n, float scale, float top,
                                                 float* sums) {
  block_sums(logits, n, scale, top, sums);
}
[[gnu::target("avx2,fma")]] void weigh_avx2(float const* logits, std::size_t n, float scale, float top,
                                            float* weights) {
  weigh(logits, n, scale, top, weights);
}
[[gnu::target("avx512f,avx512dq,avx512vl,avx512bw,fma")]] void block_maxima_avx512(float const* logits, std::size_t n,
                                                                                   float* maxima) {
  block_maxima(logits, n, maxima);
}
[[gnu::target("avx512f,avx512dq,avx512vl,avx512bw,fma")]] void block_sums_avx512(float const* logits, std::size_t n,
                                                                                 float scale, float top, float* sums) {
  block_sums(logits, n, scale, top, sums);
}
[[gnu::target("avx512f,avx512dq,avx512vl,avx512bw,fma")]] void weigh_avx512(float const* logits, std::size_t n,
                                                                            float scale, float top, float* weights) {
  weigh(logits, n, scale, top, weights);
}
#endif

}  // namespace

SamplingKernels const& portable_sampling_kernels() noexcept {
  static constexpr SamplingKernels kernels{block_maxima_portable, block_sums_portable, weigh_portable};
  return kernels;
}

#if defined(__x86_64__)
SamplingKernels const* avx2_sampling_kernels() noexcept {
  static constexpr SamplingKernels kernels{block_maxima_avx2, block_sums_avx2, weigh_avx2};
  static bool const has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has ? &kernels : nullptr;
}

SamplingKernels const* avx512_sampling_kernels() noexcept {
  static constexpr SamplingKernels kernels{block_maxima_avx512, block_sums_avx512, weigh_avx512};
  static bool const has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return has ? &kernels : nullptr;
}
#endif

SamplingKernels const& best_sampling_kernels() noexcept {
#if defined(__x86_64__)
  if (auto const* kernels = avx512_sampling_kernels()) return *kernels;
  if (auto const* kernels = avx2_sampling_kernels()) return *kernels;
#endif
  return portable_sampling_kernels();
}

}  // namespace grove::nn::cpu::detail
