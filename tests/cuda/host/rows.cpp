// SPDX-License-Identifier: Apache-2.0
// The fused kernels of a decode step on a simulated block and in one thread, against the CPU engine's row operations.
#include <algorithm>
#include <cmath>
#include <vector>

#include "grove/cuda/decode_rows.hpp"
#include "grove/nn/cpu/ops.hpp"
#include "grove/random.hpp"
#include "simulated_block.hpp"
#include "support/catch.hpp"

using namespace grove;
using cuda::Bf16;
using cuda::test::Order;
using cuda::test::SimulatedBlock;

namespace {

template <class T>
constexpr float tolerance = sizeof(T) == 2 ? 0.03F : 2e-6F;  // of numbers below 4: bf16 rounds to 2^-8

template <class T>
std::vector<T> numbers(std::size_t n, std::uint64_t seed) {
  RandomSequence random(RandomStream({.seed = seed}));
  std::vector<T> x(n);
  for (auto& each : x) each = cuda::narrowed<T>(static_cast<float>(random.normal()));
  return x;
}

template <class T>
std::vector<float> wide(std::vector<T> const& x) {
  std::vector<float> result;
  for (T const& each : x) result.push_back(cuda::widened(each));
  return result;
}

void check_near(std::vector<float> const& got, std::vector<float> const& want, float most) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) REQUIRE(std::abs(got[i] - want[i]) <= most * (1 + std::abs(want[i])));
}

/// f in one thread, and in the threads of a block in either order, with the same bits in both orders.
template <class Reset, class F, class Check>
void in_all_teams(unsigned threads, Reset const& reset, F const& f, Check const& check) {
  reset();
  f(cuda::SingleThread{});
  check(false);
  for (auto order : {Order::Forward, Order::Backward}) {
    reset();
    REQUIRE(SimulatedBlock(threads, order).run([&](auto const& thread) { f(thread); }));
    check(true);
  }
}

template <class T>
void check_add_norm(unsigned n, bool adds) {
  auto const x = numbers<T>(n, 1), delta = numbers<T>(n, 2), weight = numbers<T>(n, 3);
  auto sum = wide(x);
  for (unsigned i = 0; i < n && adds; ++i) sum[i] = cuda::rounded<T>(sum[i] + cuda::widened(delta[i]));
  std::vector<float> want(n), shared(8, NAN);
  nn::cpu::detail::row_ops().rms_norm(sum.data(), wide(weight).data(), n, 1e-6F, want.data());
  auto changed = x;
  std::vector<T> normed(n);
  cuda::AddNorm<T> const in{.x = changed.data(),
                            .delta = adds ? delta.data() : nullptr,
                            .weight = weight.data(),
                            .normed = normed.data(),
                            .rows = 1,
                            .n = n,
                            .epsilon = 1e-6F};
  std::vector<float> first;
  in_all_teams(
      64, [&] { changed = x; }, [&](auto const& team) { cuda::add_norm_row(team, in, 0, shared.data()); },
      [&](bool block) {
        REQUIRE(wide(changed) == sum);
        check_near(wide(normed), want, tolerance<T>);
        if (block && first.empty()) first = wide(normed);
        if (block) REQUIRE(wide(normed) == first);
      });
}

template <class T>
struct Rotation {
  static constexpr unsigned heads = 3, kv_heads = 2, dim = 64, capacity = 3, rows = 2;
  std::vector<T> qkv = numbers<T>(std::size_t{rows} * (heads + 2 * kv_heads) * dim, 4), query_norm = numbers<T>(dim, 5),
                 key_norm = numbers<T>(dim, 6);
  std::vector<float> angles = numbers<float>(std::size_t{40} * dim, 7);
  std::vector<std::int32_t> positions = {36, 0}, lengths = {34, 0}, pages = {5, 0, 2, 1, 3, 4};
  std::vector<T> keys = std::vector<T>(std::size_t{6} * kv_heads * cuda::page_tokens * dim), values = keys;

  /// What head `h` of row 0 becomes by the CPU engine's operations.
  [[nodiscard]] std::vector<float> want(unsigned h, bool norms) const {
    auto const& ops = nn::cpu::detail::row_ops();
    auto const all = wide(qkv);
    std::vector<float> x(all.begin() + h * dim, all.begin() + (h + 1) * dim);
    if (h >= heads + kv_heads) return x;
    if (norms) {
      ops.rms_norm(x.data(), wide(h < heads ? query_norm : key_norm).data(), dim, 1e-6F, x.data());
      for (auto& each : x) each = cuda::rounded<T>(each);
    }
    float const* const at = angles.data() + std::size_t{36} * dim;
    ops.rotate(x.data(), at, at + dim / 2, dim / 2, false);
    return x;
  }
};

template <class T>
void check_rotation(bool norms) {
  Rotation<T> const given;
  auto r = given;
  cuda::RotateAndStore<T> const in{.qkv = r.qkv.data(),
                                   .rows = r.rows,
                                   .heads = r.heads,
                                   .kv_heads = r.kv_heads,
                                   .head_dim = r.dim,
                                   .query_norm = norms ? r.query_norm.data() : nullptr,
                                   .key_norm = norms ? r.key_norm.data() : nullptr,
                                   .epsilon = 1e-6F,
                                   .angles = r.angles.data(),
                                   .positions = r.positions.data(),
                                   .lengths = r.lengths.data(),
                                   .pages = r.pages.data(),
                                   .page_capacity = r.capacity,
                                   .keys = r.keys.data(),
                                   .values = r.values.data()};
  in_all_teams(
      96,  // three heads at a time, of seven
      [&] {
        std::ranges::copy(given.qkv, r.qkv.begin());
        std::ranges::copy(given.keys, r.keys.begin());
        std::ranges::copy(given.values, r.values.begin());
      },
      [&](auto const& team) {
        unsigned const at_once = team.size() / team.lanes();
        for (unsigned row = 0; row < in.rows; ++row)
          for (unsigned block = 0; block * at_once < in.all_heads(); ++block)
            cuda::rotate_and_store_heads(team, in, row, block);
      },
      [&](bool) {
        // The 34th token stands in the row's third page, which is page 2 of the pool, at place 1.
        auto const stored = [&](std::vector<T> const& pool, unsigned head) {
          auto const all = wide(pool);
          auto const at = all.begin() + ((2 * r.kv_heads + head) * cuda::page_tokens + 1) * r.dim;
          return std::vector<float>(at, at + r.dim);
        };
        auto const rows = wide(r.qkv);
        for (unsigned h = 0; h < r.heads; ++h)
          check_near({rows.begin() + h * r.dim, rows.begin() + (h + 1) * r.dim}, given.want(h, norms), tolerance<T>);
        for (unsigned h = 0; h < r.kv_heads; ++h) {
          check_near(stored(r.keys, h), given.want(r.heads + h, norms), tolerance<T>);
          REQUIRE(stored(r.values, h) == given.want(r.heads + r.kv_heads + h, norms));
        }
        // A padding row changes nothing, and nothing else was written.
        auto const before = wide(given.qkv);
        REQUIRE(std::equal(rows.begin() + 7 * r.dim, rows.end(), before.begin() + 7 * r.dim));
        auto const values = wide(r.values);
        REQUIRE(std::ranges::count_if(values, [](float v) { return v != 0; }) == 2 * r.dim);
      });
}

template <class T>
void check_gate() {
  constexpr unsigned n = 50, rows = 2;
  auto const gate_up = numbers<T>(std::size_t{2} * rows * n, 8);
  std::vector<T> out(std::size_t{rows} * n);
  cuda::GatedSilu<T> const in{.gate_up = gate_up.data(), .out = out.data(), .rows = rows, .n = n};
  for (std::size_t i = 0; i < out.size(); ++i) cuda::gated_silu_element(in, i);
  std::vector<float> const all = wide(gate_up);
  std::vector<float> want(out.size());
  for (std::size_t row = 0; row < rows; ++row)
    nn::cpu::detail::row_ops().swiglu(&all[2 * row * n], &all[(2 * row + 1) * n], n, &want[row * n]);
  check_near(wide(out), want, tolerance<T>);
}

}  // namespace

TEST_CASE("adding a residual and norming it is the CPU engine's, also without the residual") {
  for (bool adds : {true, false}) {
    check_add_norm<float>(1536, adds);
    check_add_norm<Bf16>(1536, adds);
    check_add_norm<float>(40, adds);  // fewer than the threads take at once
  }
}

TEST_CASE("queries are rotated in place, keys and values go to their page, with norms and without") {
  for (bool norms : {true, false}) {
    check_rotation<float>(norms);
    check_rotation<Bf16>(norms);
  }
}

TEST_CASE("the gate of an MLP is the CPU engine's") {
  check_gate<float>();
  check_gate<Bf16>();
}
