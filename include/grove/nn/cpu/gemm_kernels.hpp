// SPDX-License-Identifier: Apache-2.0
// Inside the products of gemm.hpp: the kernels of each instruction set and the loops over them, apart so that tests and
// benchmarks can name the instruction set. AVX2 and AVX-512 give the same bits; the portable kernels round twice.
#pragma once

#include <array>
#include <cstddef>

#include "grove/nn/cpu/gemm.hpp"
#include "grove/nn/cpu/matrix.hpp"
#include "grove/nn/cpu/thread_pool.hpp"

namespace grove::nn::cpu::detail {

enum class Isa { Portable, Avx2, Avx512 };

/// A few rows times consecutive whole panels: c[rows, 32 * panels] = start + sum over depth of a * b.
struct KernelArguments {
  std::size_t depth = 0;
  float const* a = nullptr;  ///< element (row, d) at a[row * a_stride + d]; a gradient's kernel: a[row + d * a_stride]
  std::size_t a_stride = 0;
  void const* b = nullptr;   ///< element (d, column) of panel p at b[p * b_stride + d * 32 + column]
  std::size_t b_stride = 0;  ///< elements from a panel to the next
  std::size_t panels = 1;
  float* c = nullptr;
  std::size_t ldc = 0;
  float const* bias = nullptr;  ///< null or 32 * panels numbers
  bool accumulate = false;      ///< start with what c holds, exactly, so that one block of the depth follows another
  char const* next = nullptr;   ///< null, or the first of the lines to prefetch for later, one a step of the depth
  std::size_t next_stride = 0;  ///< bytes from one of these lines to the next
};
using Kernel = void (*)(KernelArguments const&);

/// Copies rows cut into groups of at most 32 columns, each group a matrix of its own: (row, column) goes to
/// target[row * target_stride + column / group * group_stride + column % group]. A group's row in the target may be
/// filled up to the next multiple of 16 columns.
struct Split {
  float const* source = nullptr;
  std::size_t source_stride = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t group = 0;
  float* target = nullptr;
  std::size_t target_stride = 0;
  std::size_t group_stride = 0;
};

/// The kernels of one instruction set; those for r rows are at index r, in [1, rows].
struct KernelSet {
  static constexpr std::size_t most_rows = 16;
  using Table = std::array<Kernel, most_rows + 1>;
  std::size_t rows = 0;  ///< the tallest tile whose sums stay in registers
  Table f32{};
  Table bf16{};
  Table gradient{};
  void (*split)(Split const&) = nullptr;
};

/// What the kernel would give for the columns [first, last) of a panel, of which the result has no more: `c` and `bias`
/// belong to column `first`.
void multiply_partial(Kernel kernel, KernelArguments g, std::size_t rows, std::size_t first, std::size_t last);

/// The kernels of an instruction set, or null where this build or CPU lacks it.
[[nodiscard]] KernelSet const* find_kernels(Isa isa) noexcept;

/// The fastest this CPU runs.
[[nodiscard]] KernelSet const& best_kernels() noexcept;

[[nodiscard]] KernelSet const& portable_kernels() noexcept;
#if defined(__x86_64__)
[[nodiscard]] KernelSet const& avx2_kernels() noexcept;
[[nodiscard]] KernelSet const& avx512_kernels() noexcept;
#endif

void gemm_tile(KernelSet const& kernels, float const* a, std::size_t lda, std::size_t m, PackedMatrix const& w,
               std::size_t col_begin, std::size_t col_end, float* c, std::size_t ldc, Epilogue epilogue);
void gemm(KernelSet const& kernels, ThreadPool& pool, float const* a, std::size_t lda, std::size_t m,
          PackedMatrix const& w, float* c, std::size_t ldc, Epilogue epilogue);
void gemm_weight_gradient(KernelSet const& kernels, ThreadPool& pool, float const* dy, std::size_t ldy, float const* x,
                          std::size_t ldx, std::size_t m, std::size_t n, std::size_t k, float* dw, std::size_t lddw);

}  // namespace grove::nn::cpu::detail
