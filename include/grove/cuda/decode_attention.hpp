// SPDX-License-Identifier: Apache-2.0
// Attention of decode: one query a sequence, over keys and values in pages, for query heads in groups that share one
// key/value head. The keys of a sequence are cut at fixed places, every `split_keys`; a block takes one part, and a
// second kernel joins the parts (Dao et al., "Flash-Decoding", 2023; the softmax of a part as in arXiv 2205.14135). The
// cuts depend on nothing but positions, so that a row's result is the same bits whatever rows are computed beside it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "grove/cuda/elements.hpp"
#include "grove/cuda/team.hpp"
#include "grove/host_device.hpp"

struct CUstream_st;  // of a cudaStream_t

namespace grove::cuda {

inline constexpr unsigned page_tokens = 16;
inline constexpr unsigned split_keys = 256;  ///< keys a block attends to
inline constexpr unsigned most_queries = 8;  ///< query heads a block computes; larger groups take several

/// All pointers are the device's; keys, values and queries are aligned to 16 bytes.
template <class T>
struct PagedAttention {
  T const* query = nullptr;  ///< row r's head h at query[r * query_stride + h * head_dim]
  std::size_t query_stride = 0;
  T const* keys = nullptr;              ///< [pages, kv_heads, page_tokens, head_dim]
  T const* values = nullptr;            ///< the same
  std::int32_t const* pages = nullptr;  ///< [rows, page_capacity] each row's pages in the order of its tokens
  unsigned page_capacity = 0;
  std::int32_t const* lengths = nullptr;  ///< [rows] keys that the row sees, from position 0 on; 0: out becomes zeros
  unsigned rows = 0, heads = 0, kv_heads = 0, head_dim = 0;
  unsigned window = 0;       ///< only the last so many keys; 0: all
  float scale = 1;           ///< of the scores
  T* out = nullptr;          ///< [rows, heads, head_dim]
  float* partial = nullptr;  ///< scratch, [rows, heads, splits(), head_dim + 2]

  /// Parts of the longest sequence that the table holds.
  [[nodiscard]] GROVE_HOST_DEVICE constexpr unsigned splits() const {
    return (page_capacity * page_tokens + split_keys - 1) / split_keys;
  }
  [[nodiscard]] GROVE_HOST_DEVICE constexpr unsigned group() const { return heads / kv_heads; }
  /// Blocks that share the queries of one key/value head.
  [[nodiscard]] GROVE_HOST_DEVICE constexpr unsigned tiles() const {
    return (group() + most_queries - 1) / most_queries;
  }
};

/// Floats of `partial` for so many rows.
constexpr std::size_t attention_scratch(std::size_t rows, std::size_t heads, std::size_t head_dim,
                                        std::size_t page_capacity) {
  return rows * heads * ((page_capacity * page_tokens + split_keys - 1) / split_keys) * (head_dim + 2);
}

/// Whether the library has the kernels for heads of this size.
constexpr bool has_attention_kernel(std::size_t head_dim) { return head_dim == 64 || head_dim == 128; }

/// Queues the kernels. Throws Error where CUDA refuses, and for a head_dim without one.
void decode_attention(PagedAttention<float> const& attention, CUstream_st* stream);
void decode_attention(PagedAttention<Bf16> const& attention, CUstream_st* stream);

namespace detail {

/// Sums of weighted values of some keys under a softmax whose largest score is `maximum`.
template <unsigned Elements>
struct PartialSoftmax {
  float maximum = -INFINITY;
  float sum = 0;
  float value[Elements] = {};
};

/// e^(x - maximum), 0 where nothing has been seen yet.
GROVE_HOST_DEVICE inline float softmax_weight(float x, float maximum) {
  return x == -INFINITY ? 0.0F : expf(x - maximum);
}

/// Both of them, this lane's part. The same number for (a, b) as for (b, a).
template <unsigned Elements>
GROVE_HOST_DEVICE void join(PartialSoftmax<Elements>& a, float maximum, float sum, float const* value) {
  float const most = a.maximum > maximum ? a.maximum : maximum;
  float const left = softmax_weight(a.maximum, most), right = softmax_weight(maximum, most);
  a.maximum = most;
  a.sum = a.sum * left + sum * right;
  for (unsigned e = 0; e < Elements; ++e) a.value[e] = a.value[e] * left + value[e] * right;
}

/// The keys from `begin` to `end` for the first `queries` of Q query heads; `Lanes` neighbouring lanes hold a head, and
/// each such team of them takes every `step`-th key. `together` keys are on their way from memory at a time.
template <unsigned Dim, unsigned Lanes, unsigned Q>
struct QueryTile {
  static constexpr unsigned elements = Dim / Lanes;
  static constexpr unsigned together = 4;

  float query[Q][elements] = {};
  PartialSoftmax<elements> softmax[Q] = {};

  template <class Team, class T>
  GROVE_HOST_DEVICE void visit(Team const& team, PagedAttention<T> const& in, unsigned row, unsigned kv_head,
                               unsigned begin, unsigned end) {
    unsigned const lane = team.rank() % Lanes, first = team.rank() / Lanes, step = team.size() / Lanes;
    std::int32_t const* const pages = in.pages + std::size_t{row} * in.page_capacity;
    // All threads go round as often, since they exchange numbers within.
    for (unsigned base = begin; base < end; base += step * together) {
      std::size_t place[together];
      float score[together][Q];
      for (unsigned k = 0; k < together; ++k) {
        unsigned const key = base + k * step + first;
        unsigned const known = key < end ? key : end - 1;
        auto const page = static_cast<std::size_t>(pages[known / page_tokens]);
        place[k] = ((page * in.kv_heads + kv_head) * page_tokens + known % page_tokens) * Dim + lane * elements;
      }
      for (unsigned k = 0; k < together; ++k) {
        float key[elements];
        load(in.keys + place[k], key);
        bool const there = base + k * step + first < end;
        for (unsigned q = 0; q < Q; ++q) {
          float dot = 0;
          for (unsigned e = 0; e < elements; ++e) dot = fmaf(query[q][e], key[e], dot);
          dot = sum_over_lanes(team, Lanes, dot);
          score[k][q] = there ? dot * in.scale : -INFINITY;
        }
      }
      float weight[together][Q];
      for (unsigned q = 0; q < Q; ++q) rescale(softmax[q], score, weight, q);
      for (unsigned k = 0; k < together; ++k) {
        float value[elements];
        load(in.values + place[k], value);
        for (unsigned q = 0; q < Q; ++q)
          for (unsigned e = 0; e < elements; ++e)
            softmax[q].value[e] = fmaf(weight[k][q], value[e], softmax[q].value[e]);
      }
    }
  }

 private:
  GROVE_HOST_DEVICE static void rescale(PartialSoftmax<elements>& to, float const (&score)[together][Q],
                                        float (&weight)[together][Q], unsigned q) {
    float most = to.maximum;
    for (auto const& of_key : score) most = of_key[q] > most ? of_key[q] : most;
    float const old = softmax_weight(to.maximum, most);
    to.maximum = most;
    to.sum *= old;
    for (unsigned e = 0; e < elements; ++e) to.value[e] *= old;
    for (unsigned k = 0; k < together; ++k) {
      weight[k][q] = softmax_weight(score[k][q], most);
      to.sum += weight[k][q];
    }
  }
};

}  // namespace detail

/// Floats that the threads of a block share in `attend_part`.
template <unsigned Dim, unsigned Q>
constexpr std::size_t attention_shared(std::size_t threads, std::size_t lanes) {
  return threads / lanes * Q * (Dim + 2);
}

/// One block: part `split` of a row's keys for tile `tile` of the queries that share `kv_head`. A sequence of one part
/// is written to `out`, others to `partial`. `shared` has attention_shared floats.
template <unsigned Dim, unsigned Lanes, unsigned Q, class Team, class T>
GROVE_HOST_DEVICE void attend_part(Team const& team, PagedAttention<T> const& in, unsigned row, unsigned kv_head,
                                   unsigned tile, unsigned split, float* shared) {
  using Tile = detail::QueryTile<Dim, Lanes, Q>;
  constexpr unsigned elements = Tile::elements;
  auto const length = static_cast<unsigned>(in.lengths[row]);
  unsigned const oldest = in.window != 0 && length > in.window ? length - in.window : 0;
  unsigned const from = split * split_keys, to = from + split_keys;
  unsigned const begin = from > oldest ? from : oldest, end = to < length ? to : length;
  bool const alone = length <= split_keys;
  if (begin >= end && !(alone && split == 0)) return;
  unsigned const lane = team.rank() % Lanes;
  unsigned const head = kv_head * in.group() + tile * most_queries;
  unsigned const left = in.group() - tile * most_queries, queries = left < Q ? left : Q;
  Tile mine;
  T const* const query = in.query + row * in.query_stride + std::size_t{head} * Dim + lane * elements;
  for (unsigned q = 0; q < Q; ++q)
    if (q < queries) load(query + std::size_t{q} * Dim, mine.query[q]);
  mine.visit(team, in, row, kv_head, begin, end);
  // Lanes that hold the same dimensions, then groups of lanes in their order.
  for (unsigned q = 0; q < Q; ++q)
    for (unsigned mask = Lanes; mask < Team::lanes(); mask *= 2) {
      auto& x = mine.softmax[q];
      float value[elements];
      for (unsigned e = 0; e < elements; ++e) value[e] = team.exchange(x.value[e], mask);
      float const maximum = team.exchange(x.maximum, mask), sum = team.exchange(x.sum, mask);
      detail::join(x, maximum, sum, value);
    }
  unsigned const groups = team.size() / Team::lanes(), group = team.rank() / Team::lanes();
  constexpr unsigned width = Dim + 2;
  if (team.rank() % Team::lanes() < Lanes)
    for (unsigned q = 0; q < Q; ++q) {
      float* const at = shared + (group * Q + q) * width;
      for (unsigned e = 0; e < elements; ++e) at[lane * elements + e] = mine.softmax[q].value[e];
      if (lane == 0) {
        at[Dim] = mine.softmax[q].maximum;
        at[Dim + 1] = mine.softmax[q].sum;
      }
    }
  team.sync();
  for (unsigned i = team.rank(); i < queries * Dim; i += team.size()) {
    unsigned const q = i / Dim, d = i % Dim;
    detail::PartialSoftmax<1> all;
    for (unsigned g = 0; g < groups; ++g) {
      float const* const at = shared + (g * Q + q) * width;
      detail::join(all, at[Dim], at[Dim + 1], at + d);
    }
    std::size_t const place = std::size_t{row} * in.heads + head + q;
    if (alone) {
      in.out[place * Dim + d] = narrowed<T>(all.sum > 0 ? all.value[0] / all.sum : 0.0F);
    } else {
      float* const partial = in.partial + (place * in.splits() + split) * width;
      partial[d] = all.value[0];
      if (d == 0) {
        partial[Dim] = all.maximum;
        partial[Dim + 1] = all.sum;
      }
    }
  }
}

/// One block: joins the parts of a row's head, where it has several.
template <unsigned Dim, class Team, class T>
GROVE_HOST_DEVICE void join_parts(Team const& team, PagedAttention<T> const& in, unsigned row, unsigned head) {
  auto const length = static_cast<unsigned>(in.lengths[row]);
  if (length <= split_keys) return;
  unsigned const oldest = in.window != 0 && length > in.window ? length - in.window : 0;
  std::size_t const place = std::size_t{row} * in.heads + head;
  for (unsigned d = team.rank(); d < Dim; d += team.size()) {
    detail::PartialSoftmax<1> all;
    for (unsigned split = oldest / split_keys; split * split_keys < length; ++split) {
      float const* const partial = in.partial + (place * in.splits() + split) * (Dim + 2);
      detail::join(all, partial[Dim], partial[Dim + 1], partial + d);
    }
    in.out[place * Dim + d] = narrowed<T>(all.value[0] / all.sum);
  }
}

}  // namespace grove::cuda
