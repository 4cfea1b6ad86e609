// SPDX-License-Identifier: Apache-2.0
// The operations of a transformer on one row, apart from matrix products. One set for each instruction set; AVX2 and
// AVX-512 give the same bits. Inside the CPU engine: no checks.
#pragma once

#include <cstddef>

#include "grove/nn/cpu/attention.hpp"
#include "grove/nn/cpu/gemm_kernels.hpp"

namespace grove::nn::cpu::detail {

/// What one pass over a row of logits gives; see vocab.hpp.
struct RowSums {
  float first = 0;
  float second = 0;
};

struct RowOps {
  /// y = x * r * weight with r = 1 / sqrt(mean(x^2) + epsilon); returns r. `y` may be `x`.
  float (*rms_norm)(float const* x, float const* weight, std::size_t n, float epsilon, float* y);

  /// dx += the gradient of rms_norm with respect to x, given dy.
  void (*rms_norm_backward)(float const* dy, float const* x, float const* weight, std::size_t n, float epsilon,
                            float* dx);

  /// dweight[j] += dy[row, j] * x[row, j] * r(row) for consecutive rows; r as rms_norm returned it, one for each row.
  void (*rms_norm_weight_backward)(float const* dy, std::size_t ldy, float const* x, std::size_t ldx, float const* r,
                                   std::size_t rows, std::size_t n, float* dweight);

  /// dbias[j] += dy[row, j] for consecutive rows.
  void (*column_sums)(float const* dy, std::size_t ldy, std::size_t rows, std::size_t n, float* dbias);

  /// Rotary embedding in place, Hugging Face's convention (halves, not pairs): x[i] and x[i + half] turn by the angle
  /// whose cosine and sine stand at cos[i] and sin[i]. The gradient is the same with -sin.
  void (*rotate)(float* x, float const* cos, float const* sin, std::size_t half, bool backward);

  /// y = silu(gate) * up.
  void (*swiglu)(float const* gate, float const* up, std::size_t n, float* y);

  /// The gradients of swiglu given dy, and y itself once more (so that it need not be kept).
  void (*swiglu_backward)(float const* dy, float const* gate, float const* up, std::size_t n, float* dgate, float* dup,
                          float* y);

  /// y += x.
  void (*add)(float const* x, std::size_t n, float* y);

  /// The largest of x * scale, for scale > 0.
  float (*scaled_maximum)(float const* x, std::size_t n, float scale);

  /// Sum of e = exp(x * scale - maximum); e into `weights` unless that is null.
  float (*exponential_sum)(float const* x, std::size_t n, float scale, float maximum, float* weights);

  /// Sums of e * (x * scale - maximum) and of e * e.
  RowSums (*spread_sums)(float const* x, std::size_t n, float scale, float maximum);

  /// x[j] = p * (slope * (x[j] * scale - maximum) + offset) with p = exp(x[j] * scale - maximum) * factor.
  void (*softmax_gradient)(float* x, std::size_t n, float scale, float maximum, float factor, float slope,
                           float offset);

  /// y = exp(x), within 2 ulp; 0 below -87.3, saturated above 88.7.
  void (*exponential)(float const* x, std::size_t n, float* y);

  void (*attend)(AttentionShape const& shape, AttentionRows const& rows);
  void (*attend_backward)(AttentionShape const& shape, AttentionGradient const& sequence);
};

/// The operations of an instruction set, or null where this build or CPU lacks it.
[[nodiscard]] RowOps const* find_row_ops(Isa isa) noexcept;

/// The fastest this CPU runs.
[[nodiscard]] RowOps const& row_ops() noexcept;

[[nodiscard]] RowOps const& portable_row_ops() noexcept;
#if defined(__x86_64__)
[[nodiscard]] RowOps const& avx2_row_ops() noexcept;
[[nodiscard]] RowOps const& avx512_row_ops() noexcept;
#endif

}  // namespace grove::nn::cpu::detail
