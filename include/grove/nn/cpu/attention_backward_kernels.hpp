// SPDX-License-Identifier: Apache-2.0
// Backward of attention.hpp, one sequence and key/value head at a time. Gradients of keys and values are sums over
// queries in ascending order of rows and heads.
#pragma once

#include <cstddef>

#include "grove/nn/cpu/attention_kernels.hpp"

namespace grove::nn::cpu::detail {

template <class L>
struct AttentionBackwardKernels : AttentionKernels<L> {
  using Base = AttentionKernels<L>;
  using Base::most;
  using Base::page;
  using typename Base::Tile;

  /// The sequence's keys and values in the two orders that the kernels read, and the sums under way.
  struct Memory {
    float* keys_transposed;    // [pages, head_dim, 16]
    float* values_transposed;  // [pages, head_dim, 16]
    float* keys;               // [keys, value_stride], filled up with zeros
    float* dk;                 // the same
    float* dv;
    float* query;  // [most, value_stride], filled up with zeros
    float* dout;
    float* dq;
    float* weights;  // [most, keys of the tile]
    float* dscores;

    Memory(float* at, std::size_t rows, std::size_t stride) {
      std::size_t const keys_padded = KvShape::pages(rows) * page;
      auto take = [&at](std::size_t floats) {
        float* const begin = at;
        at += floats;
        return begin;
      };
      keys_transposed = take(keys_padded * stride);
      values_transposed = take(keys_padded * stride);
      keys = take(keys_padded * stride);
      dk = take(keys_padded * stride);
      dv = take(keys_padded * stride);
      query = take(most * stride);
      dout = take(most * stride);
      dq = take(most * stride);
      weights = take(most * keys_padded);
      dscores = take(most * keys_padded);
    }
  };

  static void transpose(float const* x, std::size_t ld, std::size_t rows, std::size_t dim, float* to) {
    for (std::size_t p = 0; p < KvShape::pages(rows); ++p) {
      std::size_t const count = Base::smaller(page, rows - p * page);
      for (std::size_t d = 0; d < dim; ++d) {
        float* const out = to + (p * dim + d) * page;
        for (std::size_t j = 0; j < count; ++j) out[j] = x[(p * page + j) * ld + d];
        for (std::size_t j = count; j < page; ++j) out[j] = 0;
      }
    }
  }

  static void copy(float const* from, float const* end, float* to) {
    while (from != end) *to++ = *from++;
  }
  static void fill(float* from, float const* end) {
    while (from != end) *from++ = 0;
  }
  static void copy_row(float const* from, std::size_t dim, std::size_t stride, float* to) {
    copy(from, from + dim, to);
    fill(to + dim, to + stride);
  }

  static void prepare(AttentionShape const& shape, AttentionGradient const& s, Memory const& memory) {
    std::size_t const stride = shape.value_stride;
    transpose(s.k, s.ld, s.rows, shape.head_dim, memory.keys_transposed);
    transpose(s.v, s.ld, s.rows, shape.head_dim, memory.values_transposed);
    std::size_t const padded = KvShape::pages(s.rows) * page;
    for (std::size_t row = 0; row < s.rows; ++row) {
      copy_row(s.k + row * s.ld, shape.head_dim, stride, memory.keys + row * stride);
    }
    fill(memory.keys + s.rows * stride, memory.keys + padded * stride);
    fill(memory.dk, memory.dk + padded * stride);
    fill(memory.dv, memory.dv + padded * stride);
  }

  /// sums[key][:] += the sum over queries i of weights[i][key] * rows[i][:], four keys and two vectors at a time.
  template <std::size_t Q, std::size_t V>
  static void add_outer(float* const* weights, std::size_t at, float const* rows, std::size_t stride,
                        std::size_t column, float* sums) {
    constexpr std::size_t together = 4;
    for (std::size_t j = 0; j < page; j += together) {
      L sum[together][V];
      for (std::size_t k = 0; k < together; ++k) {
        for (std::size_t v = 0; v < V; ++v) sum[k][v] = L::load(sums + (j + k) * stride + column + v * L::count);
      }
      for (std::size_t i = 0; i < Q; ++i) {
        L row[V];
        for (std::size_t v = 0; v < V; ++v) row[v] = L::load(rows + i * stride + column + v * L::count);
        for (std::size_t k = 0; k < together; ++k) {
          L const weight = L::all(weights[i][at + j + k]);
          for (std::size_t v = 0; v < V; ++v) sum[k][v] = L::fma(weight, row[v], sum[k][v]);
        }
      }
      for (std::size_t k = 0; k < together; ++k) {
        for (std::size_t v = 0; v < V; ++v) sum[k][v].store(sums + (j + k) * stride + column + v * L::count);
      }
    }
  }

  template <std::size_t Q>
  static void add_outer_pages(Tile const& tile, float* const* weights, float const* rows, std::size_t stride,
                              float* sums) {
    std::size_t const base = tile.all.page_begin();
    for (std::size_t p = base; p < tile.all.page_end(); ++p) {
      std::size_t column = 0;
      float* const to = sums + p * page * stride;
      for (; column + L::count < stride; column += 2 * L::count) {
        add_outer<Q, 2>(weights, (p - base) * page, rows, stride, column, to);
      }
      if (column < stride) add_outer<Q, 1>(weights, (p - base) * page, rows, stride, column, to);
    }
  }

  /// Scores of query i to probabilities, and products of its output's gradient with the values to gradients of scores.
  static void score_gradient(Tile const& tile, std::size_t i, float scale, float maximum, float sum, float delta,
                             float* dscores) {
    float* const scores = tile.scores[i];
    std::size_t const base = tile.all.page_begin() * page;
    KeyRange const keys = tile.keys[i];
    for (std::size_t p = base; p < tile.all.page_end() * page; p += page) {
      L probability = L::zero();
      L gradient = L::zero();
      if (p + page > keys.begin && p < keys.end) {
        probability = exponential(L::fma(L::load(scores + p - base), L::all(scale), L::all(-maximum)));
        probability = Base::mask(keys, p, probability * L::all(1.0F / sum), L::zero());
        gradient = probability * ((L::load(dscores + p - base) - L::all(delta)) * L::all(scale));
      }
      probability.store(scores + p - base);
      gradient.store(dscores + p - base);
    }
  }

  static float dot(float const* a, float const* b, std::size_t n) {
    L sum = L::zero();
    for (std::size_t i = 0; i < n; i += L::count) {
      std::size_t const left = n - i < L::count ? n - i : L::count;
      sum = L::fma(L::load(a + i, left), L::load(b + i, left), sum);
    }
    return fold_sum(sum);
  }

  template <std::size_t Q>
  static void backward_tile(AttentionShape const& shape, AttentionGradient const& s, Memory const& memory,
                            std::size_t begin) {
    std::size_t const dim = shape.head_dim;
    std::size_t const stride = shape.value_stride;
    Tile tile = Base::make_tile(shape, 0, begin, Q);
    std::size_t const width = (tile.all.page_end() - tile.all.page_begin()) * page;
    float const* dout[most] = {};
    float* dscores[most] = {};
    float* dq[most] = {};
    for (std::size_t i = 0; i < Q; ++i) {
      std::size_t const row = (begin + i) / shape.group;
      std::size_t const head = (begin + i) % shape.group * dim;
      copy_row(s.q + row * s.ld + head, dim, stride, memory.query + i * stride);
      copy_row(s.dout + row * s.ldo + head, dim, stride, memory.dout + i * stride);
      tile.query[i] = memory.query + i * stride;
      tile.scores[i] = memory.weights + i * width;
      dout[i] = memory.dout + i * stride;
      dscores[i] = memory.dscores + i * width;
      dq[i] = s.dq + row * s.ldd + head;
    }
    std::size_t const step = dim * page;
    Base::template score<Q>(tile, tile.query, tile.scores, PageBlock{memory.keys_transposed, step}, dim);
    Base::template score<Q>(tile, dout, dscores, PageBlock{memory.values_transposed, step}, dim);
    for (std::size_t i = 0; i < Q; ++i) {
      std::size_t const row = (begin + i) / shape.group;
      std::size_t const head = (begin + i) % shape.group;
      float const* const statistics = s.statistics + row * s.lds + 2 * head;
      float const delta = dot(dout[i], s.out + row * s.ldo + head * dim, dim);
      score_gradient(tile, i, shape.scale, statistics[0], statistics[1], delta, dscores[i]);
    }
    float ones[most];
    for (float& one : ones) one = 1;
    Base::template sum_rows<Q>(tile, dscores, ones, PageBlock{memory.keys, stride * page}, stride, dim, dq);
    add_outer_pages<Q>(tile, tile.scores, memory.dout, stride, memory.dv);
    add_outer_pages<Q>(tile, dscores, memory.query, stride, memory.dk);
  }

  /// The instance for `count` queries.
  template <std::size_t Q = most>
  static void backward_some(std::size_t count, AttentionShape const& shape, AttentionGradient const& s,
                            Memory const& memory, std::size_t begin) {
    if (count == Q) {
      backward_tile<Q>(shape, s, memory, begin);
    } else if constexpr (Q > 1) {
      backward_some<Q - 1>(count, shape, s, memory, begin);
    }
  }

  static void attend_backward(AttentionShape const& shape, AttentionGradient const& s) {
    Memory const memory(s.scratch, s.rows, shape.value_stride);
    prepare(shape, s, memory);
    std::size_t const queries = s.rows * shape.group;
    for (std::size_t begin = 0; begin < queries; begin += most) {
      backward_some(Base::smaller(most, queries - begin), shape, s, memory, begin);
    }
    for (std::size_t row = 0; row < s.rows; ++row) {
      float const* const dk = memory.dk + row * shape.value_stride;
      float const* const dv = memory.dv + row * shape.value_stride;
      copy(dk, dk + shape.head_dim, s.dk + row * s.ldd);
      copy(dv, dv + shape.head_dim, s.dv + row * s.ldd);
    }
  }
};

}  // namespace grove::nn::cpu::detail
