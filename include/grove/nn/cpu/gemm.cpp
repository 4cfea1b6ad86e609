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
constexpr std::size_t line_bytes = 64;

// The loops around the kernels, sized by measurement on one core of a Zen 5 with 48 KiB and 1 MiB of cache: a block of
// `a` stays in the second level while the panels stream past it. They do not enter the result.
constexpr std::size_t row_block = 252;
constexpr std::size_t column_block = 256;
constexpr std::size_t depth_block = 512;
constexpr std::size_t least_work = std::size_t{1} << 18U;  // multiply-adds of a task: some microseconds

// Some rows times some columns over some of the depth: what the register tiles are cut from.
struct Block {
  KernelSet const& kernels;
  PackedMatrix const& w;
  std::size_t lda;
  std::size_t ldc;

  void multiply(float const* a, std::size_t m, std::size_t col_begin, std::size_t col_end, std::size_t from,
                std::size_t depth, float* c, Epilogue start) const {
    std::size_t const tiles = (m + kernels.rows - 1) / kernels.rows;
    for (std::size_t column = col_begin; column < col_end;) {
      std::size_t const panel = column / width;
      std::size_t const offset = column % width;
      std::size_t const whole = offset == 0 ? (col_end - column) / width : 0;
      // Few rows: all panels in one call. More: panel by panel, each used by all rows while it is near.
      std::size_t const panels = tiles == 1 ? whole : std::min<std::size_t>(whole, 1);
      std::size_t const columns = panels > 0 ? panels * width : std::min(width - offset, col_end - column);
      KernelArguments g{.depth = depth, .a_stride = lda, .b = w.panel(panel, from), .b_stride = w.depth() * width};
      g.panels = panels;
      g.ldc = ldc;
      g.bias = start.bias != nullptr ? start.bias + column : nullptr;
      g.accumulate = start.accumulate;
      for (std::size_t tile = 0; tile < tiles; ++tile) {
        std::size_t const row = m * tile / tiles;
        std::size_t const rows = m * (tile + 1) / tiles - row;
        Kernel const kernel = w.storage() == PackedMatrix::Storage::F32 ? kernels.f32[rows] : kernels.bf16[rows];
        g.a = a + row * lda + from;
        g.c = c + row * ldc + (column - col_begin);
        fetch_next_panel(g, column + 2 * width <= col_end ? panel + 1 : panel, from, tile);
        if (panels > 0) {
          kernel(g);
        } else {
          multiply_partial(kernel, g, rows, offset, offset + columns);
        }
      }
      column += columns;
    }
  }

 private:
  // The first tiles of a panel fetch the one after it, a line a step, while the others have only to compute.
  void fetch_next_panel(KernelArguments& g, std::size_t panel, std::size_t from, std::size_t tile) const {
    std::size_t const row_bytes = width * w.element_size();
    bool const wanted = tile * line_bytes < row_bytes;
    g.next = wanted ? static_cast<char const*>(w.panel(panel, from)) + tile * line_bytes : nullptr;
    g.next_stride = wanted ? row_bytes : 0;
  }
};

}  // namespace

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
  Block block{.kernels = kernels, .w = w, .lda = lda, .ldc = ldc};
  if (m <= kernels.rows) {
    block.multiply(a, m, col_begin, col_end, 0, w.depth(), c, epilogue);
    return;
  }
  for (std::size_t row = 0; row < m; row += row_block) {
    std::size_t const rows = std::min(row_block, m - row);
    for (std::size_t column = col_begin; column < col_end;) {
      std::size_t const next = std::min((column / column_block + 1) * column_block, col_end);
      Epilogue start = epilogue;
      for (std::size_t from = 0; from == 0 || from < w.depth(); from += depth_block) {
        std::size_t const depth = std::min(depth_block, w.depth() - from);
        block.multiply(a + row * lda, rows, column, next, from, depth, c + row * ldc + (column - col_begin), start);
        start = {.accumulate = true};
      }
      column = next;
    }
  }
}

void gemm(KernelSet const& kernels, ThreadPool& pool, float const* a, std::size_t lda, std::size_t m,
          PackedMatrix const& w, float* c, std::size_t ldc, Epilogue epilogue) {
  if (m == 0 || w.outputs() == 0) return;
  std::size_t const run = m <= kernels.rows ? 4 : 1;  // panels that the kernels of few rows take at once
  std::size_t const runs = (w.outputs() + run * width - 1) / (run * width);
  std::size_t const down = (m + row_block - 1) / row_block;
  std::size_t const wanted = pool.size() == 1 ? 1 : 4 * pool.size();
  std::size_t const pieces = std::min(wanted, m * w.outputs() * w.depth() / least_work + 1);
  std::size_t const across = std::min((pieces + down - 1) / down, runs);
  pool.parallel_for(across * down, [&](std::size_t task) {
    std::size_t const top = m * (task / across) / down;
    std::size_t const bottom = m * (task / across + 1) / down;
    std::size_t const left = runs * (task % across) / across * run * width;
    std::size_t const right = std::min(runs * (task % across + 1) / across * run * width, w.outputs());
    gemm_tile(kernels, a + top * lda, lda, bottom - top, w, left, right, c + top * ldc + left, ldc, epilogue);
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

}  // namespace grove::nn::cpu
