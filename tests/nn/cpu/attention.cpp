// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/attention.hpp"

#include <cmath>
#include <vector>

#include "grove/nn/cpu/ops.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"

using namespace grove::nn::cpu;
using namespace grove::nn::cpu::detail;

namespace {

struct Case {
  std::size_t rows, group, dim, window;
};

// One sequence and key/value head: rows of [queries of the group, key, value], and the pages that hold keys and values.
struct Sequence {
  AttentionShape shape;
  std::size_t rows;
  std::size_t ld;
  std::vector<float> qkv;
  std::vector<float> memory;
  std::vector<float*> pages;

  explicit Sequence(Case const& c)
      : shape{c.group, c.dim, (c.dim + 15) / 16 * 16, c.window, 1.0F / std::sqrt(static_cast<float>(c.dim))},
        rows(c.rows),
        ld((c.group + 2) * c.dim),
        qkv(rows * ld) {
    grove::RandomSequence random(grove::RandomStream({.seed = 5}), c.dim);
    for (float& x : qkv) x = static_cast<float>(random.normal());
    KvShape const kv{.layers = 1, .kv_heads = 1, .head_dim = c.dim};
    memory.assign(KvShape::pages(rows) * kv.page_floats(), 0);
    for (std::size_t p = 0; p < KvShape::pages(rows); ++p) pages.push_back(memory.data() + p * kv.page_floats());
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t d = 0; d < c.dim; ++d) {
        pages[row / 16][d * 16 + row % 16] = key(row)[d];
        pages[row / 16][c.dim * 16 + row % 16 * shape.value_stride + d] = value(row)[d];
      }
    }
  }
  [[nodiscard]] float const* query(std::size_t row, std::size_t head) const {
    return qkv.data() + row * ld + head * shape.head_dim;
  }
  [[nodiscard]] float const* key(std::size_t row) const { return query(row, shape.group); }
  [[nodiscard]] float const* value(std::size_t row) const { return query(row, shape.group + 1); }

  struct Result {
    std::vector<float> out, statistics;
    bool operator==(Result const&) const = default;
  };
  [[nodiscard]] Result attend(RowOps const& ops, std::size_t begin, std::size_t count) const {
    std::size_t const width = shape.group * shape.head_dim;
    Result result{std::vector<float>(count * width), std::vector<float>(count * shape.group * 2)};
    std::vector<float> scratch(attention_scratch(rows));
    ops.attend(shape, {.q = query(begin, 0),
                       .ldq = ld,
                       .pages = pages.data(),
                       .offset = 0,
                       .first = begin,
                       .rows = count,
                       .out = result.out.data(),
                       .ldo = width,
                       .statistics = result.statistics.data(),
                       .lds = 2 * shape.group,
                       .scratch = scratch.data()});
    return result;
  }
};

double dot(float const* a, float const* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Probabilities of a query over all keys in double precision, straight from the definition.
std::vector<double> probabilities(Sequence const& s, std::size_t row, std::size_t head) {
  std::vector<double> p(s.rows, 0);
  double sum = 0;
  for (std::size_t key = 0; key <= row; ++key) {
    if (s.shape.window != 0 && row - key >= s.shape.window) continue;
    p[key] = std::exp(dot(s.query(row, head), s.key(key), s.shape.head_dim) * s.shape.scale);
    sum += p[key];
  }
  for (double& x : p) x /= sum;
  return p;
}

std::vector<RowOps const*> all_ops() {
  std::vector<RowOps const*> found;
  for (Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512}) {
    if (auto const* ops = find_row_ops(isa)) found.push_back(ops);
  }
  return found;
}

Case any_case() {
  return GENERATE(Case{1, 1, 8, 0}, Case{16, 2, 32, 0}, Case{17, 7, 16, 0}, Case{70, 2, 32, 0}, Case{70, 4, 64, 20},
                  Case{45, 1, 80, 0}, Case{33, 3, 24, 5}, Case{40, 16, 8, 1}, Case{100, 5, 128, 33});
}

}  // namespace

TEST_CASE("Attention is what its definition says") {
  Sequence const s(any_case());
  for (auto const* ops : all_ops()) {
    auto const result = s.attend(*ops, 0, s.rows);
    for (std::size_t row = 0; row < s.rows; ++row) {
      for (std::size_t head = 0; head < s.shape.group; ++head) {
        auto const p = probabilities(s, row, head);
        for (std::size_t d = 0; d < s.shape.head_dim; d += 3) {
          double sum = 0;
          for (std::size_t key = 0; key < s.rows; ++key) sum += p[key] * s.value(key)[d];
          CHECK(result.out[(row * s.shape.group + head) * s.shape.head_dim + d] == Approx(sum).margin(1e-5));
        }
      }
    }
  }
}

TEST_CASE("A row of attention has the same bits alone and among others") {
  Sequence const s(any_case());
  for (auto const* ops : all_ops()) {
    auto const all = s.attend(*ops, 0, s.rows);
    auto const width = static_cast<std::ptrdiff_t>(s.shape.group * s.shape.head_dim);
    auto const statistics = static_cast<std::ptrdiff_t>(2 * s.shape.group);
    for (std::size_t count : {1U, 3U, 16U}) {
      for (std::size_t begin = 0; begin + count <= s.rows; begin += count) {
        auto const some = s.attend(*ops, begin, count);
        auto const at = static_cast<std::ptrdiff_t>(begin);
        auto const n = static_cast<std::ptrdiff_t>(count);
        REQUIRE(some.out == std::vector<float>(all.out.begin() + at * width, all.out.begin() + (at + n) * width));
        REQUIRE(some.statistics == std::vector<float>(all.statistics.begin() + at * statistics,
                                                      all.statistics.begin() + (at + n) * statistics));
      }
    }
  }
}

TEST_CASE("AVX2 and AVX-512 attend with the same bits") {
  auto const* a = find_row_ops(Isa::Avx2);
  auto const* b = find_row_ops(Isa::Avx512);
  if (a == nullptr || b == nullptr) {
    WARN("skipped: this CPU has no AVX-512");
    return;
  }
  Sequence const s(any_case());
  CHECK(s.attend(*a, 0, s.rows) == s.attend(*b, 0, s.rows));
}

TEST_CASE("The gradients of attention") {
  Sequence const s(any_case());
  std::size_t const group = s.shape.group;
  std::size_t const dim = s.shape.head_dim;
  std::size_t const width = group * dim;
  std::vector<float> dout(s.rows * width);
  grove::RandomSequence random(grove::RandomStream({.seed = 6}));
  for (float& x : dout) x = static_cast<float>(random.normal());
  // The definition in double precision: ds = p * (dout . v - sum over keys of p * dout . v) * scale.
  std::vector<double> expected(s.qkv.size(), 0);
  for (std::size_t row = 0; row < s.rows; ++row) {
    for (std::size_t head = 0; head < group; ++head) {
      auto const p = probabilities(s, row, head);
      float const* const d = dout.data() + row * width + head * dim;
      double mean = 0;
      for (std::size_t key = 0; key <= row; ++key) mean += p[key] * dot(d, s.value(key), dim);
      for (std::size_t key = 0; key <= row; ++key) {
        double const ds = p[key] * (dot(d, s.value(key), dim) - mean) * s.shape.scale;
        for (std::size_t i = 0; i < dim; ++i) {
          expected[row * s.ld + head * dim + i] += ds * s.key(key)[i];
          expected[key * s.ld + width + i] += ds * s.query(row, head)[i];
          expected[key * s.ld + width + dim + i] += p[key] * d[i];
        }
      }
    }
  }
  for (auto const* ops : all_ops()) {
    auto const forward = s.attend(*ops, 0, s.rows);
    std::vector<float> gradient(s.qkv.size(), 99);
    std::vector<float> scratch(attention_backward_scratch(s.rows, s.shape.value_stride));
    ops->attend_backward(s.shape, {.q = s.query(0, 0),
                                   .k = s.key(0),
                                   .v = s.value(0),
                                   .ld = s.ld,
                                   .out = forward.out.data(),
                                   .dout = dout.data(),
                                   .ldo = width,
                                   .statistics = forward.statistics.data(),
                                   .lds = 2 * group,
                                   .rows = s.rows,
                                   .dq = gradient.data(),
                                   .dk = gradient.data() + width,
                                   .dv = gradient.data() + width + dim,
                                   .ldd = s.ld,
                                   .scratch = scratch.data()});
    double error = 0;
    double norm = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      error += std::pow(gradient[i] - expected[i], 2);
      norm += std::pow(expected[i], 2);
    }
    CHECK(std::sqrt(error / norm) < 2e-6);
  }
}
