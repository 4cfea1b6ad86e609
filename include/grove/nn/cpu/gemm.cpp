// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/gemm.hpp"

#include <algorithm>
#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/gemm_kernels.hpp"

namespace grove::nn::cpu {
namespace detail {
namespace {

constexpr std::size_t width = PackedMatrix::panel_width;

// Columns [first, last) of one panel, of which the matrix or the caller has no more: through a whole panel aside.
void multiply_partial(Kernel kernel, KernelArguments g, std::size_t rows, std::size_t first, std::size_t last) {
  alignas(64) float whole[KernelSet::most_rows * width] = {};
  alignas(64) float bias[width] = {};
  float* const c = g.c;
  std::size_t const ldc = g.ldc;
  for (std::size_t i = 0; g.accumulate && i < rows; ++i) {
    std::copy(c + i * ldc, c + i * ldc + (last - first), whole + i * width + first);
  }
  if (g.bias != nullptr) std::copy(g.bias, g.bias + (last - first), bias + first);
  g.bias = g.bias != nullptr ? bias : nullptr;
  g.c = whole;
  g.ldc = width;
  g.panels = 1;
  kernel(g);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy(whole + i * width + first, whole + i * width + last, c + i * ldc);
  }
}

}  // namespace

KernelSet const* find_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::Avx512) return __builtin_cpu_supports("avx512f") ? &avx512_kernels() : nullptr;
  if (isa == Isa::Avx2) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2_kernels() : nullptr;
  }
#endif
  return isa == Isa::Portable ? &portable_kernels() : nullptr;
}

KernelSet const& best_kernels() noexcept {
  for (Isa isa : {Isa::Avx512, Isa::Avx2}) {
    if (KernelSet const* const found = find_kernels(isa)) return *found;
  }
  return portable_kernels();
}

void gemm_tile(KernelSet const& kernels, float const* a, std::size_t lda, std::size_t m, PackedMatrix const& w,
               std::size_t col_begin, std::size_t col_end, float* c, std::size_t ldc, Epilogue epilogue) {
  if (col_begin > col_end || col_end > w.outputs()) {
    throw Error("gemm_tile", "columns " + std::to_string(col_begin) + " to " + std::to_string(col_end),
                "a range within " + std::to_string(w.outputs()) + " outputs");
  }
  auto const& table = w.storage() == PackedMatrix::Storage::F32 ? kernels.f32 : kernels.bf16;
  for (std::size_t column = col_begin; column < col_end;) {
    std::size_t const panel = column / width;
    std::size_t const next = std::min((panel + 1) * width, col_end);
    for (std::size_t row = 0; row < m; row += kernels.rows) {
      std::size_t const rows = std::min(kernels.rows, m - row);
      KernelArguments g{.depth = w.depth(), .a = a + row * lda, .a_stride = lda, .b = w.panel(panel)};
      g.c = c + row * ldc + (column - col_begin);
      g.ldc = ldc;
      g.bias = epilogue.bias != nullptr ? epilogue.bias + column : nullptr;
      g.accumulate = epilogue.accumulate;
      if (next - column == width) {
        table[rows](g);
      } else {
        multiply_partial(table[rows], g, rows, column - panel * width, next - panel * width);
      }
    }
    column = next;
  }
}

void gemm(KernelSet const& kernels, ThreadPool& pool, float const* a, std::size_t lda, std::size_t m,
          PackedMatrix const& w, float* c, std::size_t ldc, Epilogue epilogue) {
  constexpr std::size_t rows = 128;
  constexpr std::size_t columns = 128;
  std::size_t const across = (w.outputs() + columns - 1) / columns;
  std::size_t const down = (m + rows - 1) / rows;
  pool.parallel_for(across * down, [&](std::size_t task) {
    std::size_t const row = task / across * rows;
    std::size_t const column = task % across * columns;
    gemm_tile(kernels, a + row * lda, lda, std::min(rows, m - row), w, column, std::min(column + columns, w.outputs()),
              c + row * ldc + column, ldc, epilogue);
  });
}

void gemm_weight_gradient(KernelSet const& kernels, ThreadPool& pool, float const* dy, std::size_t ldy, float const* x,
                          std::size_t ldx, std::size_t m, std::size_t n, std::size_t k, float* dw, std::size_t lddw) {
  constexpr std::size_t block = 256;
  std::size_t const across = (k + width - 1) / width;
  pool.parallel_for(across, [&](std::size_t task) {
    alignas(64) float panel[block * width];
    std::size_t const column = task * width;
    std::size_t const columns = std::min(width, k - column);
    for (std::size_t row = 0; row < m; row += block) {
      std::size_t const depth = std::min(block, m - row);
      for (std::size_t d = 0; d < depth; ++d) {
        std::fill(panel + d * width, panel + (d + 1) * width, 0.0F);
        std::copy(x + (row + d) * ldx + column, x + (row + d) * ldx + column + columns, panel + d * width);
      }
      for (std::size_t i = 0; i < n; i += kernels.rows) {
        std::size_t const rows = std::min(kernels.rows, n - i);
        KernelArguments g{.depth = depth, .a = dy + row * ldy + i, .a_stride = ldy, .b = panel};
        g.c = dw + i * lddw + column;
        g.ldc = lddw;
        g.accumulate = true;
        if (columns == width) {
          kernels.gradient[rows](g);
        } else {
          multiply_partial(kernels.gradient[rows], g, rows, 0, columns);
        }
      }
    }
  });
}

}  // namespace detail

void gemm_tile(float const* a, std::size_t lda, std::size_t m, PackedMatrix const& w, std::size_t col_begin,
               std::size_t col_end, float* c, std::size_t ldc, Epilogue epilogue) {
  detail::gemm_tile(detail::best_kernels(), a, lda, m, w, col_begin, col_end, c, ldc, epilogue);
}

void gemm(ThreadPool& pool, float const* a, std::size_t lda, std::size_t m, PackedMatrix const& w, float* c,
          std::size_t ldc, Epilogue epilogue) {
  detail::gemm(detail::best_kernels(), pool, a, lda, m, w, c, ldc, epilogue);
}

void gemm_weight_gradient(ThreadPool& pool, float const* dy, std::size_t ldy, float const* x, std::size_t ldx,
                          std::size_t m, std::size_t n, std::size_t k, float* dw, std::size_t lddw) {
  detail::gemm_weight_gradient(detail::best_kernels(), pool, dy, ldy, x, ldx, m, n, k, dw, lddw);
}

}  // namespace grove::nn::cpu
