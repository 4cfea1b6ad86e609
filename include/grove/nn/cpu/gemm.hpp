// SPDX-License-Identifier: Apache-2.0
// The f32 matrix products of the CPU engine. Each element of a result is one chain of fused multiply-adds (on a machine
// without them: of multiplications and additions) over the depth in ascending order, begun with the epilogue's value.
// Nothing else enters: a row has the same bits alone or among 25,000, whichever tile, split or thread made it.
#pragma once

#include <cstddef>

#include "grove/nn/cpu/matrix.hpp"
#include "grove/nn/cpu/thread_pool.hpp"

namespace grove::nn::cpu {

/// What a product is added to. With both, the chain begins with the sum of the two.
struct Epilogue {
  float const* bias =
      nullptr;              ///< one number for each output of the matrix (also when only some columns are asked for)
  bool accumulate = false;  ///< add to what `c` holds
};

/// c[m, columns] (+)= a[m, depth] * w (+ bias) for the columns [col_begin, col_end), on the calling thread.
/// `a` has row stride `lda` >= w.depth(). `c` is the tile: c[0] is row 0 and column col_begin, its row stride `ldc` >=
/// col_end - col_begin. `a` and `c` must not overlap. Any split of rows and columns gives the same bits; columns at
/// multiples of 32 are fast. Throws grove::Error for a column range outside the matrix.
void gemm_tile(float const* a, std::size_t lda, std::size_t m, PackedMatrix const& w, std::size_t col_begin,
               std::size_t col_end, float* c, std::size_t ldc, Epilogue epilogue = {});

/// c[m, outputs] (+)= a[m, depth] * w (+ bias), shared by the threads of the pool; the same bits as gemm_tile.
void gemm(ThreadPool& pool, float const* a, std::size_t lda, std::size_t m, PackedMatrix const& w, float* c,
          std::size_t ldc, Epilogue epilogue = {});

/// The gradient of a weight `[n, k]`: dw[n, k] += dy[m, n]^T * x[m, k], with row strides. The sum goes over the rows in
/// ascending order and begins with what dw holds, so one call gives the same bits as several for consecutive rows.
/// Each thread needs half a megabyte of stack.
void gemm_weight_gradient(ThreadPool& pool, float const* dy, std::size_t ldy, float const* x, std::size_t ldx,
                          std::size_t m, std::size_t n, std::size_t k, float* dw, std::size_t lddw);

}  // namespace grove::nn::cpu
