// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the attention kernel on a simulated block and in one thread, against the CPU engine's attention.
#include "grove/nn/cpu/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "grove/cuda/decode_attention.hpp"
#include "grove/nn/cpu/ops.hpp"
#include "grove/random.hpp"
#include "simulated_block.hpp"
#include "support/catch.hpp"

using namespace grove;
using cuda::Bf16;
using cuda::test::Order;
using cuda::test::SimulatedBlock;

namespace {

struct Shape {
  unsigned heads, kv_heads, window = 0;
};

/// Sequences of some lengths whose pages stand in no order.
template <unsigned Dim, class T>
struct Problem {
  Shape shape;
  std::vector<std::int32_t> lengths, pages;
  std::vector<T> query, keys, values, out;
  std::vector<float> partial;
  cuda::PagedAttention<T> in;

  Problem(Shape const& of, std::vector<std::int32_t> const& keys_of_rows, unsigned capacity)
      : shape(of), lengths(keys_of_rows) {
    auto const rows = lengths.size();
    RandomSequence random(RandomStream({.seed = 3}));
    auto const fill = [&](std::vector<T>& x, std::size_t n) {
      x.resize(n);
      for (auto& each : x) each = cuda::narrowed<T>(static_cast<float>(random.normal()));
    };
    fill(query, rows * shape.heads * Dim);
    std::vector<std::int32_t> order(rows * capacity);
    std::iota(order.begin(), order.end(), 0);
    shuffle(std::span(order), random);
    pages = order;
    fill(keys, order.size() * shape.kv_heads * cuda::page_tokens * Dim);
    fill(values, keys.size());
    out.assign(rows * shape.heads * Dim, cuda::narrowed<T>(NAN));
    partial.assign(cuda::attention_scratch(rows, shape.heads, Dim, capacity), NAN);
    in.query = query.data();
    in.query_stride = std::size_t{shape.heads} * Dim;
    in.keys = keys.data();
    in.values = values.data();
    in.pages = pages.data();
    in.page_capacity = capacity;
    in.lengths = lengths.data();
    in.rows = static_cast<unsigned>(rows);
    in.heads = shape.heads;
    in.kv_heads = shape.kv_heads;
    in.head_dim = Dim;
    in.window = shape.window;
    in.scale = 1 / std::sqrt(static_cast<float>(Dim));
    in.out = out.data();
    in.partial = partial.data();
  }

  [[nodiscard]] float at(std::vector<T> const& pool, std::size_t row, std::size_t kv_head, std::size_t key,
                         std::size_t d) const {
    auto const page = static_cast<std::size_t>(pages[row * in.page_capacity + key / cuda::page_tokens]);
    return cuda::widened(
        pool[((page * shape.kv_heads + kv_head) * cuda::page_tokens + key % cuda::page_tokens) * Dim + d]);
  }

  /// The CPU engine's, of the same numbers.
  [[nodiscard]] std::vector<float> want() const {
    using nn::cpu::KvShape;
    KvShape const kv{.layers = 1, .kv_heads = 1, .head_dim = Dim};
    std::vector<float> result(out.size());
    for (std::size_t row = 0; row < in.rows; ++row)
      for (std::size_t h = 0; h < shape.kv_heads; ++h) {
        auto const n = static_cast<std::size_t>(lengths[row]);
        if (n == 0) continue;
        std::vector<float> memory(KvShape::pages(n) * kv.page_floats());
        std::vector<float*> table;
        for (std::size_t p = 0; p < KvShape::pages(n); ++p) {
          table.push_back(memory.data() + p * kv.page_floats());
          for (std::size_t j = 0; j < 16 && p * 16 + j < n; ++j)
            for (std::size_t d = 0; d < Dim; ++d) {
              table[p][d * 16 + j] = at(keys, row, h, p * 16 + j, d);
              table[p][kv.key_floats() + j * kv.value_stride() + d] = at(values, row, h, p * 16 + j, d);
            }
        }
        auto const group = in.group();
        std::size_t const place = (row * shape.heads + h * group) * Dim;
        std::vector<float> wide(std::size_t{group} * Dim), scratch(nn::cpu::detail::attention_scratch(n));
        for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = cuda::widened(query[place + i]);
        nn::cpu::detail::row_ops().attend({.group = group,
                                           .head_dim = Dim,
                                           .value_stride = kv.value_stride(),
                                           .window = shape.window,
                                           .scale = in.scale},
                                          {.q = wide.data(),
                                           .ldq = wide.size(),
                                           .pages = table.data(),
                                           .first = n - 1,
                                           .rows = 1,
                                           .out = result.data() + place,
                                           .ldo = wide.size(),
                                           .scratch = scratch.data()});
      }
    return result;
  }

  [[nodiscard]] std::vector<float> got() const {
    std::vector<float> wide;
    for (T const& x : out) wide.push_back(cuda::widened(x));
    return wide;
  }
};

/// As decode_attention.cu launches them.
template <unsigned Dim, unsigned Q, class T>
void run_blocks(Problem<Dim, T>& p, unsigned threads, Order order) {
  auto const& in = p.in;
  SimulatedBlock block(threads, order), joining(32, order);
  std::vector<float> shared(cuda::attention_shared<Dim, Q>(threads, 32));
  for (unsigned row = 0; row < in.rows; ++row) {
    for (unsigned h = 0; h < in.kv_heads; ++h)
      for (unsigned tile = 0; tile < in.tiles(); ++tile)
        for (unsigned split = 0; split < in.splits(); ++split) {
          std::ranges::fill(shared, NAN);
          REQUIRE(block.run([&](auto const& team) {
            cuda::attend_part<Dim, Dim / 8, Q>(team, in, row, h, tile, split, shared.data());
          }));
        }
    for (unsigned head = 0; head < in.heads; ++head)
      REQUIRE(joining.run([&](auto const& team) { cuda::join_parts<Dim>(team, in, row, head); }));
  }
}

template <unsigned Dim, unsigned Q, class T>
void run_alone(Problem<Dim, T>& p) {
  auto const& in = p.in;
  std::vector<float> shared(cuda::attention_shared<Dim, Q>(1, 1));
  for (unsigned row = 0; row < in.rows; ++row) {
    for (unsigned h = 0; h < in.kv_heads; ++h)
      for (unsigned tile = 0; tile < in.tiles(); ++tile)
        for (unsigned split = 0; split < in.splits(); ++split)
          cuda::attend_part<Dim, 1, Q>(cuda::SingleThread{}, in, row, h, tile, split, shared.data());
    for (unsigned head = 0; head < in.heads; ++head) cuda::join_parts<Dim>(cuda::SingleThread{}, in, row, head);
  }
}

void check_near(std::vector<float> const& got, std::vector<float> const& want, float tolerance) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) REQUIRE(std::abs(got[i] - want[i]) <= tolerance);
}

template <unsigned Dim, unsigned Q, class T>
void check(Shape const& shape, std::vector<std::int32_t> const& lengths, unsigned capacity, unsigned threads) {
  // An output below 4 in bf16 is stored to 2^-8 of itself.
  float const tolerance = sizeof(T) == 2 ? 0.01F : 2e-6F;
  Problem<Dim, T> p(shape, lengths, capacity);
  auto const want = p.want();
  run_alone<Dim, Q>(p);
  check_near(p.got(), want, tolerance);
  std::ranges::fill(p.out, cuda::narrowed<T>(NAN));
  run_blocks<Dim, Q>(p, threads, Order::Forward);
  auto const forward = p.got();
  check_near(forward, want, tolerance);
  run_blocks<Dim, Q>(p, threads, Order::Backward);
  REQUIRE(p.got() == forward);
}

}  // namespace

TEST_CASE("decode attention over pages is the CPU engine's, in f32 and bf16, for heads of 64 and 128") {
  check<128, 6, float>({.heads = 12, .kv_heads = 2}, {1, 0, 17, 90}, 8, 64);
  check<64, 4, float>({.heads = 8, .kv_heads = 2}, {5, 33, 128}, 8, 64);
  check<128, 2, Bf16>({.heads = 4, .kv_heads = 2}, {16, 40}, 8, 64);
  check<64, 1, Bf16>({.heads = 3, .kv_heads = 3}, {7, 100}, 8, 128);
}

TEST_CASE("decode attention cuts long sequences and joins them, also under a window") {
  check<64, 2, float>({.heads = 2, .kv_heads = 1}, {255, 256, 257, 700}, 48, 64);
  check<64, 2, float>({.heads = 2, .kv_heads = 1, .window = 300}, {200, 301, 700}, 48, 64);
  check<64, 2, Bf16>({.heads = 2, .kv_heads = 1, .window = 9}, {5, 300, 513}, 48, 64);
}

TEST_CASE("decode attention takes groups that no tile fits") {
  check<64, 8, float>({.heads = 20, .kv_heads = 2}, {30}, 2, 32);  // ten queries: eight and two
  check<64, 4, float>({.heads = 3, .kv_heads = 1}, {30}, 2, 32);
}

TEST_CASE("a row's attention is the same bits alone and beside others, whatever the table's capacity") {
  Problem<64, float> together({.heads = 4, .kv_heads = 2}, {600, 3, 77, 300}, 40);
  run_alone<64, 2>(together);
  for (std::size_t row : {std::size_t{0}, std::size_t{2}}) {
    Problem<64, float> single({.heads = 4, .kv_heads = 2}, {together.lengths[row]}, 64);
    std::copy_n(together.pages.begin() + static_cast<std::ptrdiff_t>(row * 40), 40, single.pages.begin());
    single.in.keys = together.keys.data();
    single.in.values = together.values.data();
    single.in.query = together.query.data() + row * 4 * 64;
    run_alone<64, 2>(single);
    for (std::size_t i = 0; i < single.out.size(); ++i) REQUIRE(single.out[i] == together.out[row * 4 * 64 + i]);
  }
}

TEST_CASE("bf16 rounds to the nearest, ties to even, and widens back") {
  using cuda::narrowed;
  CHECK(narrowed<Bf16>(1.0F).bits == 0x3f80);
  CHECK(narrowed<Bf16>(1.00390625F).bits == 0x3f80);  // a tie: down to even
  CHECK(narrowed<Bf16>(1.01171875F).bits == 0x3f82);  // a tie: up to even
  CHECK(cuda::rounded<Bf16>(-2.5F) == -2.5F);
  CHECK(std::isnan(cuda::rounded<Bf16>(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isinf(cuda::rounded<Bf16>(std::numeric_limits<float>::infinity())));
}
