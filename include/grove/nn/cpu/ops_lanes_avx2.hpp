// SPDX-License-Identifier: Apache-2.0
// Sixteen floats as two AVX2 registers. Included where the instruction set is switched on.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace grove::nn::cpu::detail {

struct LanesAvx2 {
  __m256 low;
  __m256 high;
  static constexpr std::size_t count = 16;
  static constexpr std::size_t tile_rows = 3;  ///< 3 rows of 2 vectors are 12 of 16 registers

  struct Mask {
    __m256i v;
  };
  /// All bits in the lanes (counted from `from`) below n.
  static Mask below(std::size_t n, int from) {
    __m256i const lane = _mm256_add_epi32(_mm256_set1_epi32(from), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return {_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane)};
  }
  static LanesAvx2 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static LanesAvx2 all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static LanesAvx2 load(float const* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static LanesAvx2 load(float const* p, std::size_t n) {
    __m256 const high = n > 8 ? _mm256_maskload_ps(p + 8, below(n, 8).v) : _mm256_setzero_ps();
    return {_mm256_maskload_ps(p, below(n, 0).v), high};
  }
  void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  void store(float* p, std::size_t n) const {
    _mm256_maskstore_ps(p, below(n, 0).v, low);
    if (n > 8) _mm256_maskstore_ps(p + 8, below(n, 8).v, high);
  }

  static LanesAvx2 fma(LanesAvx2 a, LanesAvx2 b, LanesAvx2 c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static LanesAvx2 fnma(LanesAvx2 a, LanesAvx2 b, LanesAvx2 c) {
    return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
  }
  static LanesAvx2 max(LanesAvx2 a, LanesAvx2 b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  static LanesAvx2 min(LanesAvx2 a, LanesAvx2 b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }

  static LanesAvx2 within(std::size_t begin, std::size_t end, LanesAvx2 inside, LanesAvx2 outside) {
    __m256i const low = _mm256_andnot_si256(below(begin, 0).v, below(end, 0).v);
    __m256i const high = _mm256_andnot_si256(below(begin, 8).v, below(end, 8).v);
    return {_mm256_blendv_ps(outside.low, inside.low, _mm256_castsi256_ps(low)),
            _mm256_blendv_ps(outside.high, inside.high, _mm256_castsi256_ps(high))};
  }
  static LanesAvx2 zero_below(LanesAvx2 x, LanesAvx2 key, float bound) {
    __m256 const least = _mm256_set1_ps(bound);
    return {_mm256_and_ps(x.low, _mm256_cmp_ps(key.low, least, _CMP_NLT_UQ)),
            _mm256_and_ps(x.high, _mm256_cmp_ps(key.high, least, _CMP_NLT_UQ))};
  }
  static LanesAvx2 scale(LanesAvx2 x, LanesAvx2 shifted) {
    __m256i const low = _mm256_slli_epi32(_mm256_castps_si256(shifted.low), 23);
    __m256i const high = _mm256_slli_epi32(_mm256_castps_si256(shifted.high), 23);
    return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x.low), low)),
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x.high), high))};
  }
};

// Not friends: g++ 12 leaves a friend that is defined in its class out of the instruction set.
inline LanesAvx2 operator+(LanesAvx2 a, LanesAvx2 b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline LanesAvx2 operator-(LanesAvx2 a, LanesAvx2 b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline LanesAvx2 operator*(LanesAvx2 a, LanesAvx2 b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline LanesAvx2 operator/(LanesAvx2 a, LanesAvx2 b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}

}  // namespace grove::nn::cpu::detail
