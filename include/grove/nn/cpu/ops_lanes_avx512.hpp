// SPDX-License-Identifier: Apache-2.0
// Sixteen floats as one AVX-512 register. Included where the instruction set is switched on.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace grove::nn::cpu::detail {

// The masked forms let every lane through: g++ 12 warns of its own unmasked ones.
struct LanesAvx512 {
  __m512 v;
  static constexpr std::size_t count = 16;
  static constexpr std::size_t tile_rows = 8;  ///< sums of a tile of 8 rows and 2 vectors fit into the registers

  static __mmask16 first(std::size_t n) { return static_cast<__mmask16>((1U << n) - 1U); }
  static LanesAvx512 zero() { return {_mm512_setzero_ps()}; }
  static LanesAvx512 all(float x) { return {_mm512_set1_ps(x)}; }
  static LanesAvx512 load(float const* p) { return {_mm512_loadu_ps(p)}; }
  static LanesAvx512 load(float const* p, std::size_t n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(float* p, std::size_t n) const { _mm512_mask_storeu_ps(p, first(n), v); }

  static LanesAvx512 fma(LanesAvx512 a, LanesAvx512 b, LanesAvx512 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  static LanesAvx512 fnma(LanesAvx512 a, LanesAvx512 b, LanesAvx512 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
  static LanesAvx512 max(LanesAvx512 a, LanesAvx512 b) { return {_mm512_maskz_max_ps(0xFFFF, a.v, b.v)}; }
  static LanesAvx512 min(LanesAvx512 a, LanesAvx512 b) { return {_mm512_maskz_min_ps(0xFFFF, a.v, b.v)}; }

  /// `inside` in the lanes [begin, end), else `outside`.
  static LanesAvx512 within(std::size_t begin, std::size_t end, LanesAvx512 inside, LanesAvx512 outside) {
    auto const mask = static_cast<__mmask16>(first(end) & ~first(begin));
    return {_mm512_mask_blend_ps(mask, outside.v, inside.v)};
  }
  /// `x` where `key` is at least `bound` or NaN, else 0.
  static LanesAvx512 zero_below(LanesAvx512 x, LanesAvx512 key, float bound) {
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(key.v, _mm512_set1_ps(bound), _CMP_NLT_UQ), x.v)};
  }
  /// x * 2^n where n is the integer in the low bits of `shifted` (which is n + 1.5 * 2^23).
  static LanesAvx512 scale(LanesAvx512 x, LanesAvx512 shifted) {
    __m512i const power = _mm512_maskz_slli_epi32(0xFFFF, _mm512_castps_si512(shifted.v), 23);
    return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x.v), power))};
  }
};

// Not friends: g++ 12 leaves a friend that is defined in its class out of the instruction set.
inline LanesAvx512 operator+(LanesAvx512 a, LanesAvx512 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline LanesAvx512 operator-(LanesAvx512 a, LanesAvx512 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline LanesAvx512 operator*(LanesAvx512 a, LanesAvx512 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline LanesAvx512 operator/(LanesAvx512 a, LanesAvx512 b) { return {_mm512_div_ps(a.v, b.v)}; }

}  // namespace grove::nn::cpu::detail
