// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>

#include "grove/cuda/decode_attention.hpp"
#include "support.cuh"

namespace grove::check {
namespace {

template <class T>
void check(unsigned dim, unsigned heads, unsigned kv_heads, unsigned window) {
  std::vector<std::int32_t> const lengths = {1, 0, 16, 255, 256, 257, 1000};
  auto const rows = static_cast<unsigned>(lengths.size());
  unsigned const capacity = 64;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  auto const numbers = [&](std::size_t n) {
    std::vector<T> x(n);
    for (auto& each : x) each = cuda::narrowed<T>(normal(random));
    return x;
  };
  std::vector<std::int32_t> table(rows * capacity);
  std::iota(table.begin(), table.end(), 0);
  std::shuffle(table.begin(), table.end(), random);
  auto const query = numbers(std::size_t{rows} * heads * dim);
  auto const keys = numbers(table.size() * kv_heads * cuda::page_tokens * dim), values = numbers(keys.size());
  OnDevice device_query(query), device_keys(keys), device_values(values), out(query);
  OnDevice device_table(table), device_lengths(lengths);
  OnDevice partial(std::vector<float>(cuda::attention_scratch(rows, heads, dim, capacity)));
  cuda::PagedAttention<T> in;
  in.query = device_query.data;
  in.query_stride = std::size_t{heads} * dim;
  in.keys = device_keys.data;
  in.values = device_values.data;
  in.pages = device_table.data;
  in.page_capacity = capacity;
  in.lengths = device_lengths.data;
  in.rows = rows;
  in.heads = heads;
  in.kv_heads = kv_heads;
  in.head_dim = dim;
  in.window = window;
  in.scale = 1 / std::sqrt(static_cast<float>(dim));
  in.out = out.data;
  in.partial = partial.data;
  cuda::decode_attention(in, nullptr);
  auto const got = back(out);
  auto const at = [&](std::vector<T> const& pool, unsigned row, unsigned head, unsigned key, unsigned d) {
    auto const page = static_cast<std::size_t>(table[row * capacity + key / cuda::page_tokens]);
    return double{
        cuda::widened(pool[((page * kv_heads + head) * cuda::page_tokens + key % cuda::page_tokens) * dim + d])};
  };
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned h = 0; h < heads; ++h) {
      auto const n = static_cast<unsigned>(lengths[row]);
      unsigned const first = window != 0 && n > window ? n - window : 0;
      std::size_t const place = (std::size_t{row} * heads + h) * dim;
      std::vector<double> weight(n), want(dim);
      double most = -INFINITY, sum = 0;
      for (unsigned key = first; key < n; ++key) {
        for (unsigned d = 0; d < dim; ++d)
          weight[key] += cuda::widened(query[place + d]) * at(keys, row, h / in.group(), key, d);
        most = std::max(most, weight[key] *= in.scale);
      }
      for (unsigned key = first; key < n; ++key) {
        sum += weight[key] = std::exp(weight[key] - most);
        for (unsigned d = 0; d < dim; ++d) want[d] += weight[key] * at(values, row, h / in.group(), key, d);
      }
      for (unsigned d = 0; d < dim; ++d)
        check_close("attention", cuda::widened(got[place + d]), n == 0 ? 0 : want[d] / sum,
                    sizeof(T) == 2 ? 1e-2 : 1e-5);
    }
}

}  // namespace

void test_decode_attention() {
  check<float>(128, 12, 2, 0);
  check<float>(64, 20, 2, 300);
  check<cuda::Bf16>(128, 28, 4, 0);
  check<cuda::Bf16>(64, 3, 3, 9);
}

}  // namespace grove::check
