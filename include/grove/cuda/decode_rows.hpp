// SPDX-License-Identifier: Apache-2.0
// What a decode step does with rows between its matrix products, each in one kernel: a residual connection with the
// norm behind it; what follows the projection to q, k and v (norms of heads, rotary embedding, write into the
// cache); the gate of the MLP. Arithmetic is f32; what ATen would have stored in between is rounded as if it had been.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "grove/cuda/decode_attention.hpp"
#include "grove/cuda/elements.hpp"
#include "grove/cuda/team.hpp"
#include "grove/host_device.hpp"

namespace grove::cuda {

/// x += delta; normed = x * weight / root mean square of the row. n is a multiple of 8, rows are aligned to 16 bytes.
template <class T>
struct AddNorm {
  T* x = nullptr;             ///< [rows, n]
  T const* delta = nullptr;   ///< [rows, n]; null: nothing is added
  T const* weight = nullptr;  ///< [n]
  T* normed = nullptr;        ///< [rows, n]
  unsigned rows = 0, n = 0;
  float epsilon = 0;
};

/// Rows of [queries | keys | values], heads one after another: queries are changed in place, keys and values go to the
/// place of each row's last token.
template <class T>
struct RotateAndStore {
  T* qkv = nullptr;  ///< [rows, (heads + 2 kv_heads) * head_dim]
  unsigned rows = 0, heads = 0, kv_heads = 0, head_dim = 0;
  T const* query_norm = nullptr;  ///< [head_dim] weights of the norm of each query; null: none
  T const* key_norm = nullptr;    ///< the same of keys; null where query_norm is
  float epsilon = 0;
  float const* angles = nullptr;            ///< [positions, head_dim] half of each the cosines, then the sines
  std::int32_t const* positions = nullptr;  ///< [rows] of the last tokens
  std::int32_t const* lengths = nullptr;    ///< [rows] with the last token; 0: the row is left alone
  std::int32_t const* pages = nullptr;      ///< [rows, page_capacity]
  unsigned page_capacity = 0;
  T* keys = nullptr;    ///< [pages, kv_heads, page_tokens, head_dim]
  T* values = nullptr;  ///< the same

  [[nodiscard]] GROVE_HOST_DEVICE constexpr unsigned all_heads() const { return heads + 2 * kv_heads; }
};

/// out = silu(gate) * up.
template <class T>
struct GatedSilu {
  T const* gate_up = nullptr;  ///< [rows, 2 n] gates, then ups
  T* out = nullptr;            ///< [rows, n]
  unsigned rows = 0, n = 0;
};

/// Queue the kernels. Throw Error where CUDA refuses.
void add_norm(AddNorm<float> const& in, CUstream_st* stream);
void add_norm(AddNorm<Bf16> const& in, CUstream_st* stream);
void rotate_and_store(RotateAndStore<float> const& in, CUstream_st* stream);
void rotate_and_store(RotateAndStore<Bf16> const& in, CUstream_st* stream);
void gated_silu(GatedSilu<float> const& in, CUstream_st* stream);
void gated_silu(GatedSilu<Bf16> const& in, CUstream_st* stream);

/// One row, by a team. `shared` has a float for each 32 threads.
template <class Team, class T>
GROVE_HOST_DEVICE void add_norm_row(Team const& team, AddNorm<T> const& in, unsigned row, float* shared) {
  constexpr unsigned count = Pack<T>::count;
  T* const x = in.x + std::size_t{row} * in.n;
  T* const normed = in.normed + std::size_t{row} * in.n;
  T const* const delta = in.delta ? in.delta + std::size_t{row} * in.n : nullptr;
  float squares = 0;
  for (unsigned i = team.rank() * count; i < in.n; i += team.size() * count) {
    float mine[count];
    load(x + i, mine);
    if (delta) {
      float added[count];
      load(delta + i, added);
      for (unsigned j = 0; j < count; ++j) mine[j] = rounded<T>(mine[j] + added[j]);
      store(mine, x + i);
    }
    for (unsigned j = 0; j < count; ++j) squares = fmaf(mine[j], mine[j], squares);
  }
  squares = sum_over_team(team, squares, shared);
  float const factor = 1.0F / sqrtf(squares / static_cast<float>(in.n) + in.epsilon);
  for (unsigned i = team.rank() * count; i < in.n; i += team.size() * count) {
    float mine[count];
    load(x + i, mine);  // what this thread itself has written
    for (unsigned j = 0; j < count; ++j) mine[j] = mine[j] * factor * widened(in.weight[i + j]);
    store(mine, normed + i);
  }
}

/// Some heads of one row, one for each `lanes()` threads of the team: those from `block` times as many on.
template <class Team, class T>
GROVE_HOST_DEVICE void rotate_and_store_heads(Team const& team, RotateAndStore<T> const& in, unsigned row,
                                              unsigned block) {
  if (in.lengths[row] == 0) return;
  unsigned const lanes = Team::lanes(), lane = team.rank() % lanes, half = in.head_dim / 2;
  unsigned const head = block * (team.size() / lanes) + team.rank() / lanes;
  bool const there = head < in.all_heads(), is_query = head < in.heads,
             is_key = !is_query && head < in.heads + in.kv_heads;
  T* const x = in.qkv + (std::size_t{row} * in.all_heads() + head) * in.head_dim;
  float factor = 1;
  if (in.query_norm) {  // the same for all threads, since they exchange numbers
    float squares = 0;
    if (there)
      for (unsigned i = lane; i < in.head_dim; i += lanes) squares = fmaf(widened(x[i]), widened(x[i]), squares);
    squares = sum_over_lanes(team, lanes, squares);
    factor = 1.0F / sqrtf(squares / static_cast<float>(in.head_dim) + in.epsilon);
  }
  if (!there) return;
  auto const last = static_cast<unsigned>(in.lengths[row]) - 1;
  auto const page = static_cast<std::size_t>(in.pages[std::size_t{row} * in.page_capacity + last / page_tokens]);
  unsigned const kv_head = is_query ? 0 : is_key ? head - in.heads : head - in.heads - in.kv_heads;
  std::size_t const place = ((page * in.kv_heads + kv_head) * page_tokens + last % page_tokens) * in.head_dim;
  if (!is_query && !is_key) {
    for (unsigned i = lane; i < in.head_dim; i += lanes) in.values[place + i] = x[i];
    return;
  }
  T const* const weight = is_query ? in.query_norm : in.key_norm;
  T* const to = is_query ? x : in.keys + place;
  float const* const angles = in.angles + static_cast<std::size_t>(in.positions[row]) * in.head_dim;
  for (unsigned i = lane; i < half; i += lanes) {
    float a = widened(x[i]), b = widened(x[i + half]);
    if (weight) {
      a = rounded<T>(a * factor * widened(weight[i]));
      b = rounded<T>(b * factor * widened(weight[i + half]));
    }
    float const cosine = angles[i], sine = angles[half + i];
    to[i] = narrowed<T>(a * cosine - b * sine);
    to[i + half] = narrowed<T>(b * cosine + a * sine);
  }
}

/// Element i of all rows together.
template <class T>
GROVE_HOST_DEVICE void gated_silu_element(GatedSilu<T> const& in, std::size_t i) {
  std::size_t const row = i / in.n, column = i % in.n;
  T const* const gates = in.gate_up + 2 * row * in.n;
  float const gate = widened(gates[column]);
  in.out[i] = narrowed<T>(rounded<T>(gate / (1.0F + expf(-gate))) * widened(gates[in.n + column]));
}

}  // namespace grove::cuda
