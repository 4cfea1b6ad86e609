// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "grove/nn/cpu/gemm.hpp"
#include "grove/nn/cpu/gemm_kernels.hpp"

namespace grove::nn::cpu {
namespace detail {
namespace {

constexpr std::size_t width = PackedMatrix::panel_width;
constexpr std::size_t line_floats = 16;

// A task packs blocks of rows of both factors, 144 and 256 KiB on its stack: for the second-level cache, in which the
// part of dw stays too. A block's height does not enter the result, since dw keeps each sum exactly from block to
// block.
constexpr std::size_t row_block = 128;
constexpr std::size_t most_panels = 16;
constexpr std::size_t most_strips = 144;
constexpr std::size_t strip_floats = 288;                  // of all strips, for each row
constexpr std::size_t least_work = std::size_t{1} << 19U;  // multiply-adds of a task: some microseconds

std::size_t parts_of(std::size_t size, std::size_t most) { return (size + most - 1) / most; }

// dy or x, from some row and column on.
struct Factor {
  float const* data;
  std::size_t stride;

  [[nodiscard]] Factor at(std::size_t row, std::size_t column) const { return {data + row * stride + column, stride}; }
};

// Hands the kernels the lines of the next block to fetch: one column of lines a call.
class Prefetch {
 public:
  Prefetch(Factor source, std::size_t columns) : source_(source), lines_(parts_of(columns, line_floats)) {}

  bool take(KernelArguments& g) {
    if (lines_ == 0) return false;
    g.next = reinterpret_cast<char const*>(source_.data);
    g.next_stride = source_.stride * sizeof(float);
    source_.data += line_floats;
    --lines_;
    return true;
  }

 private:
  Factor source_;
  std::size_t lines_;
};

// The part of dw that one thread computes: `height` outputs times `columns`.
class Tile {
 public:
  Tile(KernelSet const& kernels, std::size_t height, std::size_t strip_height, std::size_t columns)
      : kernels_(kernels),
        height_(height),
        strip_height_(strip_height),
        columns_(columns),
        stride_(std::bit_ceil(kernels.rows)) {
    std::size_t const whole = columns / width;
    if (whole * width < columns) std::fill_n(panel(whole), row_block * width, 0.0F);
  }

  void add(Factor dy, Factor x, std::size_t m, float* dw, std::size_t lddw) {
    for (std::size_t row = 0; row < m; row += row_block) {
      std::size_t const depth = std::min(row_block, m - row);
      bool const more = m - row >= 2 * row_block;
      std::size_t const next = more ? row + row_block : row;
      Prefetch next_dy(dy.at(next, 0), more ? height_ : 0);
      Prefetch next_x(x.at(next, 0), more ? columns_ : 0);
      split(dy.at(row, 0), depth, height_, strip_height_, strip(0), stride_, strip(1) - strip(0));
      split(x.at(row, 0), depth, columns_, width, panel(0), width, panel(1) - panel(0));
      for (std::size_t column = 0; column < columns_; column += width) {
        for (std::size_t top = 0; top < height_; top += strip_height_) {
          KernelArguments g{.depth = depth, .a = strip(top / strip_height_), .a_stride = stride_};
          g.b = panel(column / width);
          g.c = dw + top * lddw + column;
          g.ldc = lddw;
          g.accumulate = true;
          if (!next_dy.take(g)) next_x.take(g);
          multiply(g, std::min(strip_height_, height_ - top), std::min(width, columns_ - column));
        }
      }
    }
  }

 private:
  // [depth, stride]: the outputs of one register tile, next to each other for each row. The gap keeps strips, and
  // panels, from beginning in the same set of the cache.
  float* strip(std::size_t index) { return strips_memory_ + index * (row_block * stride_ + line_floats); }

  // [depth, 32], as in PackedMatrix.
  float* panel(std::size_t index) { return panels_memory_ + index * (row_block * width + line_floats); }

  void split(Factor source, std::size_t rows, std::size_t columns, std::size_t group, float* target,
             std::size_t target_stride, std::ptrdiff_t group_stride) const {
    kernels_.split({.source = source.data,
                    .source_stride = source.stride,
                    .rows = rows,
                    .columns = columns,
                    .group = group,
                    .target = target,
                    .target_stride = target_stride,
                    .group_stride = static_cast<std::size_t>(group_stride)});
  }

  void multiply(KernelArguments const& g, std::size_t rows, std::size_t columns) const {
    if (columns == width) {
      kernels_.gradient[rows](g);
    } else {
      multiply_partial(kernels_.gradient[rows], g, rows, 0, columns);
    }
  }

  KernelSet const& kernels_;
  std::size_t height_, strip_height_, columns_, stride_;
  alignas(64) float strips_memory_[row_block * strip_floats + most_strips * line_floats];
  alignas(64) float panels_memory_[(row_block * width + line_floats) * most_panels];
};

// How dw is cut into tasks: strips down and panels across.
struct Cut {
  std::size_t down;
  std::size_t across;

  Cut(std::size_t strips, std::size_t panels, std::size_t strips_at_most, std::size_t wanted)
      : down(parts_of(strips, strips_at_most)), across(parts_of(panels, most_panels)) {
    while (down * across < wanted && (down < strips || across < panels)) {
      bool const rather_down = strips * across >= panels * down;
      if (across == panels || (rather_down && down < strips)) {
        ++down;
      } else {
        ++across;
      }
    }
  }
};

}  // namespace

void gemm_weight_gradient(KernelSet const& kernels, ThreadPool& pool, float const* dy, std::size_t ldy, float const* x,
                          std::size_t ldx, std::size_t m, std::size_t n, std::size_t k, float* dw, std::size_t lddw) {
  if (m == 0 || n == 0 || k == 0) return;
  std::size_t const strip_height = parts_of(n, parts_of(n, kernels.rows));
  std::size_t const strips = parts_of(n, strip_height);
  std::size_t const panels = parts_of(k, width);
  std::size_t const wanted = pool.size() == 1 ? 1 : std::min(2 * pool.size(), m * n * k / least_work + 1);
  Cut const cut(strips, panels, strip_floats / std::bit_ceil(kernels.rows), wanted);
  pool.parallel_for(cut.down * cut.across, [&](std::size_t task) {
    std::size_t const i = task / cut.across;
    std::size_t const j = task % cut.across;
    std::size_t const top = strips * i / cut.down * strip_height;
    std::size_t const bottom = std::min(strips * (i + 1) / cut.down * strip_height, n);
    std::size_t const left = panels * j / cut.across * width;
    std::size_t const right = std::min(panels * (j + 1) / cut.across * width, k);
    Tile tile(kernels, bottom - top, strip_height, right - left);
    tile.add(Factor{dy, ldy}.at(0, top), Factor{x, ldx}.at(0, left), m, dw + top * lddw + left, lddw);
  });
}

}  // namespace detail

void gemm_weight_gradient(ThreadPool& pool, float const* dy, std::size_t ldy, float const* x, std::size_t ldx,
                          std::size_t m, std::size_t n, std::size_t k, float* dw, std::size_t lddw) {
  detail::gemm_weight_gradient(detail::best_kernels(), pool, dy, ldy, x, ldx, m, n, k, dw, lddw);
}

}  // namespace grove::nn::cpu
