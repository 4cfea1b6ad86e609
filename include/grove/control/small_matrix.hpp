// SPDX-License-Identifier: Apache-2.0
// Products of small matrices of floats with a fixed number of rows, on Eigen's packets. Nothing is repacked, and every
// element is added up in the order of the inner dimension, whatever the number of columns: the same column gives the
// same bits alone and in a batch, so a policy that acts and one that is trained agree exactly.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <type_traits>

namespace grove::control::detail {

/// What a product is added to.
enum class Onto { Zero, Column, Itself };

/// The right factor: its element (p, j) lies at `data[p * row + j * column]`.
struct Strided {
  float const* data;
  std::size_t row, column;
};

/// Packets as tags: compilers warn of vector types as template arguments.
struct WideLanes {
  using Packet = Eigen::internal::packet_traits<float>::type;
};
struct HalfLanes {
  using Packet = Eigen::internal::packet_traits<float>::half;
};
struct OneLane {
  using Packet = float;
};

template <class Lanes>
constexpr std::size_t lane_count = sizeof(typename Lanes::Packet) / sizeof(float);

/// The widest lanes of at most N floats.
template <std::size_t N>
using FittingLanes = std::conditional_t<lane_count<WideLanes> <= N, WideLanes,
                                        std::conditional_t<lane_count<HalfLanes> <= N, HalfLanes, OneLane>>;

/// C (V packets of rows, `Columns` columns, `stride` between columns) = start + A B, all of it in registers. A's
/// columns are as far apart as C's.
template <class Lanes, std::size_t V, std::size_t Columns, Onto start>
inline void multiply_tile(float const* a, std::size_t depth, Strided b, float* c, std::size_t stride,
                          float const* column) {
  namespace eigen = Eigen::internal;
  using Packet = typename Lanes::Packet;
  constexpr std::size_t width = lane_count<Lanes>;
  Packet sum[Columns][V];
  for (std::size_t j = 0; j < Columns; ++j)
    for (std::size_t v = 0; v < V; ++v) {
      if constexpr (start == Onto::Zero) sum[j][v] = eigen::pset1<Packet>(0.0f);
      if constexpr (start == Onto::Column) sum[j][v] = eigen::ploadu<Packet>(column + v * width);
      if constexpr (start == Onto::Itself) sum[j][v] = eigen::ploadu<Packet>(c + j * stride + v * width);
    }
  for (std::size_t p = 0; p < depth; ++p) {
    Packet left[V];
    for (std::size_t v = 0; v < V; ++v) left[v] = eigen::ploadu<Packet>(a + p * stride + v * width);
    for (std::size_t j = 0; j < Columns; ++j) {
      Packet const right = eigen::pset1<Packet>(b.data[p * b.row + j * b.column]);
      for (std::size_t v = 0; v < V; ++v) sum[j][v] = eigen::pmadd(left[v], right, sum[j][v]);
    }
  }
  for (std::size_t j = 0; j < Columns; ++j)
    for (std::size_t v = 0; v < V; ++v) eigen::pstoreu(c + j * stride + v * width, sum[j][v]);
}

/// Rows [First, Rows) of `Columns` columns, in tiles of two packets as long as they fit.
template <std::size_t First, std::size_t Rows, std::size_t Columns, Onto start>
inline void multiply_rows(float const* a, std::size_t depth, Strided b, float* c, float const* column) {
  if constexpr (First < Rows) {
    using Lanes = FittingLanes<Rows - First>;
    constexpr std::size_t v = 2 * lane_count<Lanes> <= Rows - First ? 2 : 1;
    constexpr std::size_t height = v * lane_count<Lanes>, tiles = (Rows - First) / height;
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      auto const row = First + tile * height;
      multiply_tile<Lanes, v, Columns, start>(a + row, depth, b, c + row, Rows, column + row);
    }
    multiply_rows<First + tiles * height, Rows, Columns, start>(a, depth, b, c, column);
  }
}

/// The last `columns` < Most columns.
template <std::size_t Rows, std::size_t Most, Onto start>
inline void multiply_rest(float const* a, std::size_t depth, Strided b, float* c, std::size_t columns,
                          float const* column) {
  if constexpr (Most > 1) {
    if (columns == Most - 1)
      multiply_rows<0, Rows, Most - 1, start>(a, depth, b, c, column);
    else
      multiply_rest<Rows, Most - 1, start>(a, depth, b, c, columns, column);
  }
}

/// C [Rows x columns] = start + A [Rows x depth] B [depth x columns]; A and C column by column, B strided, `column`
/// [Rows] only for Onto::Column.
template <std::size_t Rows, Onto start>
void multiply(float const* a, std::size_t depth, Strided b, float* c, std::size_t columns, float const* column) {
  constexpr std::size_t at_once = 6;  // with two packets of rows, the sums fill 12 of 16 registers
  std::size_t j = 0;
  for (; j + at_once <= columns; j += at_once)
    multiply_rows<0, Rows, at_once, start>(a, depth, {b.data + j * b.column, b.row, b.column}, c + j * Rows, column);
  multiply_rest<Rows, at_once, start>(a, depth, {b.data + j * b.column, b.row, b.column}, c + j * Rows, columns - j,
                                      column);
}

}  // namespace grove::control::detail
