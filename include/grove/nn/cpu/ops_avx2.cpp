// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/ops.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

// For everything down to the end of the file, templates included (those are compiled at its end).
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "grove/nn/cpu/ops_lanes_avx2.hpp"
#include "grove/nn/cpu/ops_set.hpp"

namespace grove::nn::cpu::detail {

RowOps const& avx2_row_ops() noexcept {
  static constexpr RowOps ops = make_row_ops<LanesAvx2>();
  return ops;
}

}  // namespace grove::nn::cpu::detail

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
