// SPDX-License-Identifier: Apache-2.0
// The kernels of attention.hpp. A tile is up to eight queries (rows times heads of the group): their scores against two
// pages of keys at a time, or their sums over values of two vectors at a time, stay in registers.
#pragma once

#include <cstddef>

#include "grove/nn/cpu/attention.hpp"
#include "grove/nn/cpu/ops_kernels.hpp"

namespace grove::nn::cpu::detail {

template <class L>
struct AttentionKernels {
  static constexpr std::size_t page = KvShape::page_tokens;
  static constexpr std::size_t most = L::tile_rows;
  static_assert(page == L::count && most <= 8);

  /// Up to `most` queries of consecutive rows; `scores[i]` begins at the first page that any of them sees.
  struct Tile {
    float const* query[most];
    float* scores[most];
    KeyRange keys[most];
    KeyRange all;
  };

  template <std::size_t Q, std::size_t P, class Pages>
  static void score_pages(Tile const& tile, float const* const* query, float* const* scores, Pages const& pages,
                          std::size_t first_page, std::size_t dim) {
    float const* keys[P];
    for (std::size_t p = 0; p < P; ++p) keys[p] = pages(first_page + p);
    L sum[Q][P];
    for (std::size_t i = 0; i < Q; ++i) {
      for (std::size_t p = 0; p < P; ++p) sum[i][p] = L::zero();
    }
    for (std::size_t d = 0; d < dim; ++d) {
      L key[P];
      for (std::size_t p = 0; p < P; ++p) key[p] = L::load(keys[p] + d * page);
      for (std::size_t i = 0; i < Q; ++i) {
        L const x = L::all(query[i][d]);
        for (std::size_t p = 0; p < P; ++p) sum[i][p] = L::fma(x, key[p], sum[i][p]);
      }
    }
    std::size_t const at = (first_page - tile.all.page_begin()) * page;
    for (std::size_t i = 0; i < Q; ++i) {
      for (std::size_t p = 0; p < P; ++p) sum[i][p].store(scores[i] + at + p * page);
    }
  }

  /// scores[i][key] = query i . key for all pages of the tile.
  template <std::size_t Q, class Pages>
  static void score(Tile const& tile, float const* const* query, float* const* scores, Pages const& pages,
                    std::size_t dim) {
    constexpr std::size_t together = Q <= most / 2 ? 4 : 2;
    std::size_t p = tile.all.page_begin();
    std::size_t const end = tile.all.page_end();
    for (; p + together <= end; p += together) score_pages<Q, together>(tile, query, scores, pages, p, dim);
    for (; p < end; ++p) score_pages<Q, 1>(tile, query, scores, pages, p, dim);
  }

  /// out[i][:] = factor[i] * the sum over keys of weight[i][key] * row(key), rows `stride` apart in pages.
  template <std::size_t Q, std::size_t V, class Pages>
  static void sum_vectors(Tile const& tile, float* const* weights, float const* factor, Pages const& pages,
                          std::size_t stride, std::size_t column, std::size_t left, float* const* out) {
    L sum[Q][V];
    for (std::size_t i = 0; i < Q; ++i) {
      for (std::size_t v = 0; v < V; ++v) sum[i][v] = L::zero();
    }
    std::size_t const base = tile.all.page_begin();
    for (std::size_t p = base; p < tile.all.page_end(); ++p) {
      float const* const rows = pages(p) + column;
      std::size_t const count = smaller(page, tile.all.end - p * page);
      std::size_t const at = (p - base) * page;
      for (std::size_t j = 0; j < count; ++j) {
        L value[V];
        for (std::size_t v = 0; v < V; ++v) value[v] = L::load(rows + j * stride + v * L::count);
        for (std::size_t i = 0; i < Q; ++i) {
          L const weight = L::all(weights[i][at + j]);
          for (std::size_t v = 0; v < V; ++v) sum[i][v] = L::fma(weight, value[v], sum[i][v]);
        }
      }
    }
    for (std::size_t i = 0; i < Q; ++i) {
      for (std::size_t v = 0; v < V; ++v) {
        std::size_t const rest = left - v * L::count;
        (sum[i][v] * L::all(factor[i])).store(out[i] + column + v * L::count, rest < L::count ? rest : L::count);
      }
    }
  }

  template <std::size_t Q, class Pages>
  static void sum_rows(Tile const& tile, float* const* weights, float const* factor, Pages const& pages,
                       std::size_t stride, std::size_t dim, float* const* out) {
    std::size_t column = 0;
    for (; column + L::count < dim; column += 2 * L::count) {
      sum_vectors<Q, 2>(tile, weights, factor, pages, stride, column, dim - column, out);
    }
    if (column < dim) sum_vectors<Q, 1>(tile, weights, factor, pages, stride, column, dim - column, out);
  }

  /// Scores to exp(score * scale - maximum), 0 for keys that the query does not see; returns {maximum, sum}.
  static RowSums soften(Tile const& tile, std::size_t i, float scale) {
    L const lowest = L::all(lowest_float);
    std::size_t const base = tile.all.page_begin() * page;
    KeyRange const keys = tile.keys[i];
    float* const scores = tile.scores[i];
    L most_seen = lowest;
    for (std::size_t p = keys.page_begin() * page; p < keys.end; p += page) {
      most_seen = L::max(most_seen, mask(keys, p, L::load(scores + p - base), lowest));
    }
    float const maximum = fold_max(most_seen) * scale;
    L sum = L::zero();
    for (std::size_t p = base; p < tile.all.page_end() * page; p += page) {
      L e = L::zero();
      if (p + page > keys.begin && p < keys.end) {
        e = exponential(L::fma(L::load(scores + p - base), L::all(scale), L::all(-maximum)));
        e = mask(keys, p, e, L::zero());
        sum = sum + e;
      }
      e.store(scores + p - base);
    }
    return {maximum, fold_sum(sum)};
  }

  static L mask(KeyRange keys, std::size_t p, L const& inside, L const& outside) {
    std::size_t const begin = keys.begin > p ? keys.begin - p : 0;
    std::size_t const end = keys.end < p + page ? keys.end - p : page;
    return L::within(begin, end, inside, outside);
  }

  static Tile make_tile(AttentionShape const& shape, std::size_t first, std::size_t begin, std::size_t count) {
    Tile tile{};
    for (std::size_t i = 0; i < count; ++i) tile.keys[i] = keys_of(shape, first + (begin + i) / shape.group);
    tile.all = {tile.keys[0].begin, tile.keys[count - 1].end};
    return tile;
  }

  template <std::size_t Q>
  static void attend_tile(AttentionShape const& shape, AttentionRows const& r, std::size_t begin) {
    Tile tile = make_tile(shape, r.first, begin, Q);
    std::size_t const stride = (tile.all.page_end() - tile.all.page_begin()) * page;
    float* out[most] = {};
    for (std::size_t i = 0; i < Q; ++i) {
      std::size_t const row = (begin + i) / shape.group;
      std::size_t const head = (begin + i) % shape.group;
      tile.query[i] = r.q + row * r.ldq + head * shape.head_dim;
      tile.scores[i] = r.scratch + i * stride;
      out[i] = r.out + row * r.ldo + head * shape.head_dim;
    }
    PageTable const keys{r.pages, r.offset};
    PageTable const values{r.pages, r.offset + shape.head_dim * page};
    score<Q>(tile, tile.query, tile.scores, keys, shape.head_dim);
    float factor[most] = {};
    for (std::size_t i = 0; i < Q; ++i) {
      RowSums const soft = soften(tile, i, shape.scale);
      factor[i] = 1.0F / soft.second;
      if (r.statistics != nullptr) {
        float* const statistics = r.statistics + (begin + i) / shape.group * r.lds + 2 * ((begin + i) % shape.group);
        statistics[0] = soft.first;
        statistics[1] = soft.second;
      }
    }
    sum_rows<Q>(tile, tile.scores, factor, values, shape.value_stride, shape.head_dim, out);
  }

  /// The instance for `count` queries.
  template <std::size_t Q = most>
  static void attend_some(std::size_t count, AttentionShape const& shape, AttentionRows const& rows,
                          std::size_t begin) {
    if (count == Q) {
      attend_tile<Q>(shape, rows, begin);
    } else if constexpr (Q > 1) {
      attend_some<Q - 1>(count, shape, rows, begin);
    }
  }

  static void attend(AttentionShape const& shape, AttentionRows const& rows) {
    std::size_t const queries = rows.rows * shape.group;
    for (std::size_t begin = 0; begin < queries; begin += most) {
      attend_some(smaller(most, queries - begin), shape, rows, begin);
    }
  }

  static std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }
};

}  // namespace grove::nn::cpu::detail
