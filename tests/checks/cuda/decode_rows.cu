// SPDX-License-Identifier: Apache-2.0
// The kernels between a decode step's products against the same arithmetic in one thread of the host, which
// tests/cuda/host holds to the CPU engine.
#include <cstdint>
#include <random>

#include "grove/cuda/decode_rows.hpp"
#include "support.cuh"

namespace grove::check {
namespace {

template <class T>
std::vector<T> numbers(std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::normal_distribution<float> normal;
  std::vector<T> x(n);
  for (auto& each : x) each = cuda::narrowed<T>(normal(random));
  return x;
}

template <class T>
void compare(char const* what, OnDevice<T> const& on_device, std::vector<T> const& want) {
  auto const got = back(on_device);
  for (std::size_t i = 0; i < want.size(); ++i)
    check_close(what, cuda::widened(got[i]), cuda::widened(want[i]), sizeof(T) == 2 ? 1e-2 : 1e-5);
}

template <class T>
void check_add_norm(unsigned n) {
  constexpr unsigned rows = 3;
  auto x = numbers<T>(std::size_t{rows} * n);
  auto const delta = numbers<T>(x.size() + 1), weight = numbers<T>(n);
  auto normed = x;
  OnDevice device_x(x), device_delta(delta), device_weight(weight), device_normed(normed);
  cuda::add_norm(
      cuda::AddNorm<T>{device_x.data, device_delta.data, device_weight.data, device_normed.data, rows, n, 1e-6f},
      nullptr);
  cuda::AddNorm<T> const in{x.data(), delta.data(), weight.data(), normed.data(), rows, n, 1e-6f};
  float shared = 0;
  for (unsigned row = 0; row < rows; ++row) cuda::add_norm_row(cuda::SingleThread{}, in, row, &shared);
  compare("residual", device_x, x);
  compare("norm", device_normed, normed);
}

template <class T>
void check_rotation(bool norms) {
  constexpr unsigned heads = 12, kv_heads = 2, dim = 128, capacity = 4;
  std::vector<std::int32_t> const lengths = {1, 0, 50}, positions = {0, 0, 52},
                                  pages = {3, 1, 1, 1, 5, 6, 7, 8, 0, 4, 9, 2};
  auto qkv = numbers<T>(std::size_t{3} * (heads + 2 * kv_heads) * dim);
  auto const query_norm = numbers<T>(dim), key_norm = numbers<T>(dim + 1);
  auto const angles = numbers<float>(std::size_t{64} * dim);
  auto keys = numbers<T>(std::size_t{10} * kv_heads * cuda::page_tokens * dim), values = keys;
  OnDevice device_qkv(qkv), device_query_norm(query_norm), device_key_norm(key_norm), device_keys(keys),
      device_values(values);
  OnDevice device_angles(angles);
  OnDevice device_lengths(lengths), device_positions(positions), device_pages(pages);
  cuda::RotateAndStore<T> in;
  in.rows = 3;
  in.heads = heads;
  in.kv_heads = kv_heads;
  in.head_dim = dim;
  in.epsilon = 1e-6f;
  in.page_capacity = capacity;
  auto there = in;
  in.qkv = qkv.data();
  in.query_norm = norms ? query_norm.data() : nullptr;
  in.key_norm = norms ? key_norm.data() : nullptr;
  in.angles = angles.data();
  in.positions = positions.data();
  in.lengths = lengths.data();
  in.pages = pages.data();
  in.keys = keys.data();
  in.values = values.data();
  there.qkv = device_qkv.data;
  there.query_norm = norms ? device_query_norm.data : nullptr;
  there.key_norm = norms ? device_key_norm.data : nullptr;
  there.angles = device_angles.data;
  there.positions = device_positions.data;
  there.lengths = device_lengths.data;
  there.pages = device_pages.data;
  there.keys = device_keys.data;
  there.values = device_values.data;
  cuda::rotate_and_store(there, nullptr);
  for (unsigned row = 0; row < in.rows; ++row)
    for (unsigned head = 0; head < in.all_heads(); ++head)
      cuda::rotate_and_store_heads(cuda::SingleThread{}, in, row, head);
  compare("queries", device_qkv, qkv);
  compare("keys", device_keys, keys);
  compare("values", device_values, values);
}

template <class T>
void check_gate() {
  constexpr unsigned rows = 3, n = 700;
  auto const gate_up = numbers<T>(std::size_t{2} * rows * n);
  std::vector<T> out(std::size_t{rows} * n);
  OnDevice device_gate_up(gate_up), device_out(out);
  cuda::gated_silu(cuda::GatedSilu<T>{device_gate_up.data, device_out.data, rows, n}, nullptr);
  cuda::GatedSilu<T> const in{gate_up.data(), out.data(), rows, n};
  for (std::size_t i = 0; i < out.size(); ++i) cuda::gated_silu_element(in, i);
  compare("gate", device_out, out);
}

template <class T>
void check_all() {
  check_add_norm<T>(1536);
  check_add_norm<T>(8960);
  check_rotation<T>(true);
  check_rotation<T>(false);
  check_gate<T>();
}

}  // namespace

void test_decode_rows() {
  check_all<float>();
  check_all<cuda::Bf16>();
}

}  // namespace grove::check
