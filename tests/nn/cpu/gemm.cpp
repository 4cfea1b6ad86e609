// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/gemm.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/cpu/gemm_kernels.hpp"
#include "support/catch.hpp"

using grove::nn::cpu::Epilogue;
using grove::nn::cpu::PackedMatrix;
using grove::nn::cpu::ThreadPool;
namespace cpu = grove::nn::cpu;
namespace detail = grove::nn::cpu::detail;

namespace {

std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> x(count);
  for (float& v : x) v = static_cast<float>(random() % 20011) / 10000.0F - 1.0F;
  return x;
}

std::vector<detail::KernelSet const*> all_kernels() {
  std::vector<detail::KernelSet const*> sets;
  for (auto isa : {detail::Isa::Portable, detail::Isa::Avx2, detail::Isa::Avx512}) {
    if (auto const* set = detail::find_kernels(isa)) sets.push_back(set);
  }
  return sets;
}

bool same_bits(std::vector<float> const& a, std::vector<float> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// A product and all it needs. Rows have gaps, which must stay as they are.
struct Case {
  std::size_t m, n, k;
  std::size_t lda = k + 3;
  std::size_t ldc = n + 5;
  std::vector<float> a = random_floats(m * lda, 1);
  std::vector<float> w = random_floats(n * k, 2);
  std::vector<float> c = random_floats(m * ldc, 3);
  std::vector<float> bias = random_floats(n, 4);

  [[nodiscard]] Epilogue epilogue(bool with_bias, bool accumulate) const {
    return {.bias = with_bias ? bias.data() : nullptr, .accumulate = accumulate};
  }

  // The largest error in units of what rounding may do: depth + 2 roundings of the sum of absolute terms.
  [[nodiscard]] double worst(std::vector<float> const& result, Epilogue e) const {
    double most = 0;
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double sum = e.bias != nullptr ? bias[j] : 0.0;
        if (e.accumulate) sum += c[i * ldc + j];
        double size = std::fabs(sum) + 1e-30;
        for (std::size_t d = 0; d < k; ++d) {
          double const term = static_cast<double>(a[i * lda + d]) * w[j * k + d];
          sum += term;
          size += std::fabs(term);
        }
        double const unit = size * static_cast<double>(k + 2) * 6e-8;
        most = std::max(most, std::fabs(result[i * ldc + j] - sum) / unit);
      }
    }
    return most;
  }

  [[nodiscard]] bool gaps_kept(std::vector<float> const& result) const {
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = n; j < ldc; ++j) {
        if (result[i * ldc + j] != c[i * ldc + j]) return false;
      }
    }
    return true;
  }
};

void check_product(detail::KernelSet const& kernels, ThreadPool& pool, Case const& t) {
  PackedMatrix packed;
  packed.pack(t.w.data(), t.n, t.k, pool);
  for (bool with_bias : {false, true}) {
    for (bool accumulate : {false, true}) {
      Epilogue const e = t.epilogue(with_bias, accumulate);
      std::vector<float> c = t.c;
      detail::gemm(kernels, pool, t.a.data(), t.lda, t.m, packed, c.data(), t.ldc, e);
      CHECK(t.worst(c, e) <= 1.0);
      CHECK(t.gaps_kept(c));
    }
  }
}

}  // namespace

TEST_CASE("products equal those in double precision", "[gemm]") {
  ThreadPool pool(2);
  std::mt19937 random(5);
  for (auto const* kernels : all_kernels()) {
    for (std::size_t m = 1; m <= 70; ++m) {
      std::size_t const n = 1 + random() % 70;
      std::size_t const k = 1 + random() % 70;
      CAPTURE(kernels->rows, m, n, k);
      check_product(*kernels, pool, Case{m, n, k});
    }
    for (auto const& [m, n, k] : {std::array<std::size_t, 3>{300, 515, 128}, {129, 130, 1031}, {7, 1000, 700}}) {
      CAPTURE(kernels->rows, m, n, k);
      check_product(*kernels, pool, Case{m, n, k});
    }
  }
}

TEST_CASE("a product of small integers is exact", "[gemm]") {
  ThreadPool pool(1);
  std::vector<float> const x = {1, 2, 3, 4, 5, 6};           // [2, 3]
  std::vector<float> const w = {1, 0, 0, 0, 1, 0, 1, 1, 1};  // [3, 3]
  std::vector<float> const bias = {10, 20, 30};
  PackedMatrix packed;
  packed.pack(w.data(), 3, 3, pool);
  std::vector<float> y(6, 0.5F);
  cpu::gemm(pool, x.data(), 3, 2, packed, y.data(), 3, {.bias = bias.data()});
  CHECK(y == std::vector<float>{11, 22, 36, 14, 25, 45});
  cpu::gemm(pool, x.data(), 3, 2, packed, y.data(), 3, {.accumulate = true});
  CHECK(y == std::vector<float>{12, 24, 42, 18, 30, 60});
  packed.pack_transposed(w.data(), 3, 3, pool);
  cpu::gemm(pool, x.data(), 3, 2, packed, y.data(), 3);
  CHECK(y == std::vector<float>{4, 5, 3, 10, 11, 6});
}

TEST_CASE("a row has the same bits in any batch", "[gemm]") {
  ThreadPool one(1);
  ThreadPool two(2);
  for (auto const* kernels : all_kernels()) {
    for (auto const& [n, k] : {std::array<std::size_t, 2>{384, 128}, {515, 70}, {33, 1100}, {40, 1}}) {
      CAPTURE(kernels->rows, n, k);
      Case const t{300, n, k};
      PackedMatrix packed;
      packed.pack(t.w.data(), n, k, one);
      Epilogue const e = t.epilogue(true, true);
      std::vector<float> all = t.c;
      detail::gemm(*kernels, one, t.a.data(), t.lda, t.m, packed, all.data(), t.ldc, e);
      std::vector<float> threads = t.c;
      detail::gemm(*kernels, two, t.a.data(), t.lda, t.m, packed, threads.data(), t.ldc, e);
      CHECK(same_bits(all, threads));
      for (std::size_t step : {1, 2, 3, 5, 8, 13, 15, 16, 17, 29, 64, 100, 299}) {
        std::vector<float> parts = t.c;
        for (std::size_t row = 0; row < t.m; row += step) {
          detail::gemm(*kernels, two, t.a.data() + row * t.lda, t.lda, std::min(step, t.m - row), packed,
                       parts.data() + row * t.ldc, t.ldc, e);
        }
        CAPTURE(step);
        CHECK(same_bits(all, parts));
      }
    }
  }
}

TEST_CASE("even the sign of a zero does not depend on the batch", "[gemm]") {
  ThreadPool pool(1);
  // The sum of the first 512 terms rounds to minus zero, and minus zeros follow.
  std::size_t const depth = 600;
  std::vector<float> row(depth, -0.0F);
  row[511] = -1e-30F;
  std::vector<float> x;
  for (int i = 0; i < 40; ++i) x.insert(x.end(), row.begin(), row.end());
  std::vector<float> w(depth, 1.0F);
  w[511] = 1e-30F;
  PackedMatrix packed;
  packed.pack(w.data(), 1, depth, pool);
  for (auto const* kernels : all_kernels()) {
    std::vector<float> alone(1);
    std::vector<float> batch(40);
    detail::gemm(*kernels, pool, x.data(), depth, 1, packed, alone.data(), 1, {});
    detail::gemm(*kernels, pool, x.data(), depth, 40, packed, batch.data(), 1, {});
    CAPTURE(kernels->rows);
    CHECK(same_bits(std::vector<float>(40, alone[0]), batch));
  }
}

TEST_CASE("a column has the same bits in any range", "[gemm]") {
  ThreadPool pool(1);
  for (auto const* kernels : all_kernels()) {
    for (std::size_t m : {1, 6, 40}) {
      Case const t{m, 150, 90};
      PackedMatrix packed;
      packed.pack(t.w.data(), t.n, t.k, pool);
      Epilogue const e = t.epilogue(true, true);
      std::vector<float> all = t.c;
      detail::gemm(*kernels, pool, t.a.data(), t.lda, m, packed, all.data(), t.ldc, e);
      for (std::size_t step : {1, 7, 31, 32, 33, 64, 100}) {
        std::vector<float> parts = t.c;
        for (std::size_t column = 0; column < t.n; column += step) {
          detail::gemm_tile(*kernels, t.a.data(), t.lda, m, packed, column, std::min(column + step, t.n),
                            parts.data() + column, t.ldc, e);
        }
        CAPTURE(kernels->rows, m, step);
        CHECK(same_bits(all, parts));
      }
    }
  }
}

TEST_CASE("every element is one chain of multiply-adds over the depth", "[gemm]") {
  ThreadPool pool(2);
  Case const t{20, 40, 1500};
  PackedMatrix packed;
  packed.pack(t.w.data(), t.n, t.k, pool);
  for (auto isa : {detail::Isa::Avx2, detail::Isa::Avx512}) {
    auto const* kernels = detail::find_kernels(isa);
    if (kernels == nullptr) {
      WARN("no " << (isa == detail::Isa::Avx2 ? "AVX2" : "AVX-512") << " here: skipped");
      continue;
    }
    std::vector<float> c = t.c;
    detail::gemm(*kernels, pool, t.a.data(), t.lda, t.m, packed, c.data(), t.ldc, t.epilogue(true, true));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < t.m; ++i) {
      for (std::size_t j = 0; j < t.n; ++j) {
        float sum = t.bias[j] + t.c[i * t.ldc + j];
        for (std::size_t d = 0; d < t.k; ++d) sum = std::fma(t.a[i * t.lda + d], t.w[j * t.k + d], sum);
        if (std::bit_cast<std::uint32_t>(sum) != std::bit_cast<std::uint32_t>(c[i * t.ldc + j])) ++wrong;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("the public functions are those of the best instruction set", "[gemm]") {
  ThreadPool pool(2);
  Case const t{30, 70, 50};
  PackedMatrix packed;
  packed.pack(t.w.data(), t.n, t.k, pool);
  std::vector<float> best = t.c;
  detail::gemm(detail::best_kernels(), pool, t.a.data(), t.lda, t.m, packed, best.data(), t.ldc, {});
  std::vector<float> whole = t.c;
  cpu::gemm(pool, t.a.data(), t.lda, t.m, packed, whole.data(), t.ldc);
  std::vector<float> tile = t.c;
  cpu::gemm_tile(t.a.data(), t.lda, t.m, packed, 0, t.n, tile.data(), t.ldc);
  CHECK(same_bits(best, whole));
  CHECK(same_bits(best, tile));
}

TEST_CASE("bfloat16 weights give the bits of the same weights in f32", "[gemm]") {
  ThreadPool pool(2);
  for (auto const* kernels : all_kernels()) {
    for (std::size_t m : {1, 2, 3, 5, 9, 40}) {
      Case t{m, 100, 300};
      std::vector<std::uint16_t> bits(t.w.size());
      for (std::size_t i = 0; i < bits.size(); ++i) {
        bits[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(t.w[i]) >> 16U);
        t.w[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits[i]) << 16U);
      }
      PackedMatrix wide;
      PackedMatrix narrow;
      std::vector<float> expected = t.c;
      std::vector<float> result = t.c;
      wide.pack(t.w.data(), t.n, t.k, pool);
      narrow.pack_bf16(bits.data(), t.n, t.k, pool);
      detail::gemm(*kernels, pool, t.a.data(), t.lda, m, wide, expected.data(), t.ldc, t.epilogue(true, true));
      detail::gemm(*kernels, pool, t.a.data(), t.lda, m, narrow, result.data(), t.ldc, t.epilogue(true, true));
      CAPTURE(kernels->rows, m);
      CHECK(same_bits(expected, result));
    }
  }
}

TEST_CASE("the transposed packing multiplies by the weight itself", "[gemm]") {
  ThreadPool pool(2);
  for (auto const* kernels : all_kernels()) {
    std::size_t const n = 45;
    std::size_t const k = 67;
    auto const w = random_floats(n * k, 1);
    std::vector<float> transposed(k * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < k; ++j) transposed[j * n + i] = w[i * k + j];
    }
    auto const dy = random_floats(11 * n, 2);
    PackedMatrix a;
    PackedMatrix b;
    a.pack_transposed(w.data(), n, k, pool);
    b.pack(transposed.data(), k, n, pool);
    std::vector<float> from_a(11 * k);
    std::vector<float> from_b(11 * k);
    detail::gemm(*kernels, pool, dy.data(), n, 11, a, from_a.data(), k, {});
    detail::gemm(*kernels, pool, dy.data(), n, 11, b, from_b.data(), k, {});
    CHECK(same_bits(from_a, from_b));
  }
}

TEST_CASE("nothing to multiply leaves the epilogue", "[gemm]") {
  ThreadPool pool(2);
  std::vector<float> const w(8, 1.0F);
  std::vector<float> const bias = {1, 2, 3, 4};
  std::vector<float> c = {5, 6, 7, 8};
  PackedMatrix packed;
  packed.pack(w.data(), 4, 0, pool);
  cpu::gemm(pool, w.data(), 0, 1, packed, c.data(), 4, {.bias = bias.data(), .accumulate = true});
  CHECK(c == std::vector<float>{6, 8, 10, 12});
  cpu::gemm(pool, w.data(), 0, 0, packed, c.data(), 4);
  CHECK(c == std::vector<float>{6, 8, 10, 12});
  cpu::gemm(pool, w.data(), 0, 1, packed, c.data(), 4);
  CHECK(c == std::vector<float>{0, 0, 0, 0});
  cpu::gemm(pool, w.data(), 3, 1, PackedMatrix(), c.data(), 4);
  CHECK(c == std::vector<float>{0, 0, 0, 0});
}

TEST_CASE("a column range outside the matrix is refused", "[gemm]") {
  ThreadPool pool(1);
  std::vector<float> const w(12, 1.0F);
  std::vector<float> c(8);
  PackedMatrix packed;
  packed.pack(w.data(), 4, 3, pool);
  CHECK_THROWS_AS(cpu::gemm_tile(w.data(), 3, 1, packed, 2, 5, c.data(), 4), grove::Error);
  CHECK_THROWS_AS(cpu::gemm_tile(w.data(), 3, 1, packed, 3, 2, c.data(), 4), grove::Error);
  try {
    cpu::gemm_tile(w.data(), 3, 1, packed, 2, 5, c.data(), 4);
  } catch (grove::Error const& error) {
    CHECK(std::string(error.what()) == "gemm_tile: columns 2 to 5; expected a range within 4 outputs");
  }
}
