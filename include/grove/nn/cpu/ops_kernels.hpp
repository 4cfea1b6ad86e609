// SPDX-License-Identifier: Apache-2.0
// The row operations of ops.hpp over sixteen lanes at a time. Multiply-adds are spelled out, so that the compiler has
// no choice of rounding and every instance of a kernel gives the same bits. Included where an
// instruction set is on, hence without the standard library: what a file compiles for AVX-512 must not be an inline
// function that others share.
#pragma once

#include <cstddef>

#include "grove/nn/cpu/ops.hpp"

namespace grove::nn::cpu::detail {

inline constexpr float lowest_float = -__builtin_inff();

/// Lanes i, i + 8, then i + 4, ...: one fixed order for every sum.
template <class L>
inline float fold_sum(L const& x) {
  float v[L::count];
  x.store(v);
  for (std::size_t width = L::count / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) v[i] += v[i + width];
  }
  return v[0];
}

template <class L>
inline float fold_max(L const& x) {
  float v[L::count];
  x.store(v);
  for (std::size_t width = L::count / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) v[i] = v[i] > v[i + width] ? v[i] : v[i + width];
  }
  return v[0];
}

/// e^x within 2 ulp; 0 below -87.3 (the smallest normal number), saturated above 88.7; NaN stays NaN.
/// x = n ln 2 + r, Cephes' polynomial in r, n added to the exponent.
template <class L>
inline L exponential(L const& x) {
  L const bounded = L::min(L::all(88.7228317F), x);
  L const magic = L::all(12582912.0F);  // 1.5 * 2^23: the integer stands in the low bits
  L const shifted = L::fma(bounded, L::all(1.44269504F), magic);
  L const n = shifted - magic;
  L const r = L::fnma(n, L::all(-2.12194440e-4F), L::fnma(n, L::all(0.693359375F), bounded));
  L p = L::fma(L::all(1.9875691500e-4F), r, L::all(1.3981999507e-3F));
  p = L::fma(p, r, L::all(8.3334519073e-3F));
  p = L::fma(p, r, L::all(4.1665795894e-2F));
  p = L::fma(p, r, L::all(1.6666665459e-1F));
  p = L::fma(p, r, L::all(5.0000001201e-1F));
  p = L::fma(p, r * r, r) + L::all(1.0F);
  return L::zero_below(L::scale(p, shifted), x, -87.3365402F);
}

template <class L>
struct RowKernels {
  static constexpr std::size_t step = L::count;

  static float root_mean_square(float const* x, std::size_t n, float epsilon) {
    L sum = L::zero();
    std::size_t i = 0;
    for (; i + step <= n; i += step) {
      L const v = L::load(x + i);
      sum = L::fma(v, v, sum);
    }
    if (i < n) {
      L const v = L::load(x + i, n - i);
      sum = L::fma(v, v, sum);
    }
    return 1.0F / __builtin_sqrtf(fold_sum(sum) / static_cast<float>(n) + epsilon);
  }

  static float rms_norm(float const* x, float const* weight, std::size_t n, float epsilon, float* y) {
    float const r = root_mean_square(x, n, epsilon);
    L const factor = L::all(r);
    std::size_t i = 0;
    for (; i + step <= n; i += step) (L::load(x + i) * factor * L::load(weight + i)).store(y + i);
    if (i < n) (L::load(x + i, n - i) * factor * L::load(weight + i, n - i)).store(y + i, n - i);
    return r;
  }

  static void rms_norm_backward(float const* dy, float const* x, float const* weight, std::size_t n, float epsilon,
                                float* dx) {
    float const r = root_mean_square(x, n, epsilon);
    L sum = L::zero();
    std::size_t i = 0;
    for (; i + step <= n; i += step) sum = L::fma(L::load(dy + i) * L::load(weight + i), L::load(x + i), sum);
    if (i < n) sum = L::fma(L::load(dy + i, n - i) * L::load(weight + i, n - i), L::load(x + i, n - i), sum);
    L const factor = L::all(r);
    L const along = L::all(fold_sum(sum) * r * r * r / static_cast<float>(n));
    for (i = 0; i + step <= n; i += step) {
      L const across = L::fma(L::load(dy + i) * L::load(weight + i), factor, L::load(dx + i));
      L::fnma(L::load(x + i), along, across).store(dx + i);
    }
    if (i < n) {
      std::size_t const left = n - i;
      L const across = L::fma(L::load(dy + i, left) * L::load(weight + i, left), factor, L::load(dx + i, left));
      L::fnma(L::load(x + i, left), along, across).store(dx + i, left);
    }
  }

  static void rms_norm_weight_backward(float const* dy, std::size_t ldy, float const* x, std::size_t ldx,
                                       float const* r, std::size_t rows, std::size_t n, float* dweight) {
    for (std::size_t i = 0; i < n; i += step) {
      std::size_t const left = n - i < step ? n - i : step;
      L sum = L::load(dweight + i, left);
      for (std::size_t row = 0; row < rows; ++row) {
        sum = L::fma(L::load(dy + row * ldy + i, left), L::load(x + row * ldx + i, left) * L::all(r[row]), sum);
      }
      sum.store(dweight + i, left);
    }
  }

  static void column_sums(float const* dy, std::size_t ldy, std::size_t rows, std::size_t n, float* dbias) {
    for (std::size_t i = 0; i < n; i += step) {
      std::size_t const left = n - i < step ? n - i : step;
      L sum = L::load(dbias + i, left);
      for (std::size_t row = 0; row < rows; ++row) sum = sum + L::load(dy + row * ldy + i, left);
      sum.store(dbias + i, left);
    }
  }

  static void rotate(float* x, float const* cos, float const* sin, std::size_t half, bool backward) {
    L const sign = L::all(backward ? -1.0F : 1.0F);
    for (std::size_t i = 0; i < half; i += step) {
      std::size_t const left = half - i < step ? half - i : step;
      L const c = L::load(cos + i, left);
      L const s = L::load(sin + i, left) * sign;
      L const a = L::load(x + i, left);
      L const b = L::load(x + half + i, left);
      L::fnma(b, s, a * c).store(x + i, left);
      L::fma(a, s, b * c).store(x + half + i, left);
    }
  }

  static L sigmoid(L const& x) {
    L const one = L::all(1.0F);
    return one / (one + exponential(L::zero() - x));
  }

  static void swiglu(float const* gate, float const* up, std::size_t n, float* y) {
    std::size_t i = 0;
    for (; i + step <= n; i += step) {
      L const g = L::load(gate + i);
      (g * sigmoid(g) * L::load(up + i)).store(y + i);
    }
    if (i < n) {
      L const g = L::load(gate + i, n - i);
      (g * sigmoid(g) * L::load(up + i, n - i)).store(y + i, n - i);
    }
  }

  static void swiglu_backward(float const* dy, float const* gate, float const* up, std::size_t n, float* dgate,
                              float* dup, float* y) {
    for (std::size_t i = 0; i < n; i += step) {
      std::size_t const left = n - i < step ? n - i : step;
      L const g = L::load(gate + i, left);
      L const u = L::load(up + i, left);
      L const d = L::load(dy + i, left);
      L const s = sigmoid(g);
      L const silu = g * s;
      (silu * u).store(y + i, left);
      (d * silu).store(dup + i, left);
      (d * u * L::fma(silu, L::all(1.0F) - s, s)).store(dgate + i, left);
    }
  }

  static void add(float const* x, std::size_t n, float* y) {
    for (std::size_t i = 0; i < n; i += step) {
      std::size_t const left = n - i < step ? n - i : step;
      (L::load(y + i, left) + L::load(x + i, left)).store(y + i, left);
    }
  }

  static float scaled_maximum(float const* x, std::size_t n, float scale) {
    L const lowest = L::all(lowest_float);
    L most = lowest;
    std::size_t i = 0;
    for (; i + step <= n; i += step) most = L::max(most, L::load(x + i));
    if (i < n) most = L::max(most, L::within(0, n - i, L::load(x + i, n - i), lowest));
    return fold_max(most) * scale;
  }

  static float exponential_sum(float const* x, std::size_t n, float scale, float maximum, float* weights) {
    L const factor = L::all(scale);
    L const shift = L::all(-maximum);
    L sum = L::zero();
    std::size_t i = 0;
    for (; i + step <= n; i += step) {
      L const e = exponential(L::fma(L::load(x + i), factor, shift));
      if (weights != nullptr) e.store(weights + i);
      sum = sum + e;
    }
    if (i < n) {
      L const e = exponential(L::fma(L::load(x + i, n - i), factor, shift));
      if (weights != nullptr) e.store(weights + i, n - i);
      sum = sum + L::within(0, n - i, e, L::zero());
    }
    return fold_sum(sum);
  }

  static RowSums spread_sums(float const* x, std::size_t n, float scale, float maximum) {
    L const factor = L::all(scale);
    L const shift = L::all(-maximum);
    L first = L::zero();
    L second = L::zero();
    for (std::size_t i = 0; i < n; i += step) {
      std::size_t const left = n - i < step ? n - i : step;
      L const t = L::fma(L::load(x + i, left), factor, shift);
      L const e = L::within(0, left, exponential(t), L::zero());
      first = L::fma(e, L::max(L::all(-1e4F), t), first);  // -inf * 0 has no place in the sum
      second = L::fma(e, e, second);
    }
    return {fold_sum(first), fold_sum(second)};
  }

  static void softmax_gradient(float* x, std::size_t n, float scale, float maximum, float factor, float slope,
                               float offset) {
    for (std::size_t i = 0; i < n; i += step) {
      std::size_t const left = n - i < step ? n - i : step;
      L const t = L::fma(L::load(x + i, left), L::all(scale), L::all(-maximum));
      L const p = exponential(t) * L::all(factor);
      (p * L::fma(L::all(slope), L::max(L::all(-1e4F), t), L::all(offset))).store(x + i, left);
    }
  }

  static void exponential_row(float const* x, std::size_t n, float* y) {
    for (std::size_t i = 0; i < n; i += step) {
      std::size_t const left = n - i < step ? n - i : step;
      exponential(L::load(x + i, left)).store(y + i, left);
    }
  }
};

}  // namespace grove::nn::cpu::detail
