// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "grove/nn/cpu/gemm.hpp"
#include "grove/nn/cpu/gemm_kernels.hpp"
#include "support/catch.hpp"

using grove::nn::cpu::ThreadPool;
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

// A gradient and all it needs. Rows have gaps, which must stay as they are.
struct Case {
  std::size_t m, n, k;
  std::size_t ldy = n + 1;
  std::size_t ldx = k + 2;
  std::size_t lddw = k + 3;
  std::vector<float> dy = random_floats(m * ldy, 1);
  std::vector<float> x = random_floats(m * ldx, 2);
  std::vector<float> dw = random_floats(n * lddw, 3);

  void add(detail::KernelSet const& kernels, ThreadPool& pool, std::size_t from, std::size_t to,
           std::vector<float>& result) const {
    detail::gemm_weight_gradient(kernels, pool, dy.data() + from * ldy, ldy, x.data() + from * ldx, ldx, to - from, n,
                                 k, result.data(), lddw);
  }
};

// The largest error in units of what rounding may do; gaps that changed count as infinite.
double worst(Case const& t, std::vector<float> const& result) {
  double most = 0;
  for (std::size_t i = 0; i < t.n; ++i) {
    for (std::size_t j = 0; j < t.lddw; ++j) {
      double sum = t.dw[i * t.lddw + j];
      double size = std::fabs(sum) + 1e-30;
      for (std::size_t r = 0; j < t.k && r < t.m; ++r) {
        double const term = static_cast<double>(t.dy[r * t.ldy + i]) * t.x[r * t.ldx + j];
        sum += term;
        size += std::fabs(term);
      }
      double const unit = j < t.k ? size * static_cast<double>(t.m + 2) * 6e-8 : 1e-300;
      most = std::max(most, std::fabs(result[i * t.lddw + j] - sum) / unit);
    }
  }
  return most;
}

}  // namespace

TEST_CASE("weight gradients equal those in double precision", "[gemm]") {
  ThreadPool pool(2);
  std::mt19937 random(5);
  for (auto const* kernels : all_kernels()) {
    for (std::size_t m = 1; m <= 70; ++m) {
      Case const t{m, 1 + random() % 70, 1 + random() % 70};
      CAPTURE(kernels->rows, t.m, t.n, t.k);
      std::vector<float> dw = t.dw;
      t.add(*kernels, pool, 0, m, dw);
      CHECK(worst(t, dw) <= 1.0);
    }
    for (auto const& [m, n, k] : {std::array<std::size_t, 3>{1000, 128, 130},
                                  {515, 300, 70},
                                  {600, 20, 400},
                                  {130, 183, 33},
                                  {259, 600, 50},
                                  {259, 31, 1100}}) {
      Case const t{m, n, k};
      CAPTURE(kernels->rows, m, n, k);
      std::vector<float> dw = t.dw;
      t.add(*kernels, pool, 0, m, dw);
      CHECK(worst(t, dw) <= 1.0);
    }
  }
}

TEST_CASE("a weight gradient has the same bits for any split of rows and any threads", "[gemm]") {
  ThreadPool one(1);
  ThreadPool two(2);
  for (auto const* kernels : all_kernels()) {
    Case const t{1100, 70, 140};
    std::vector<float> all = t.dw;
    t.add(*kernels, one, 0, t.m, all);
    std::vector<float> threads = t.dw;
    t.add(*kernels, two, 0, t.m, threads);
    CHECK(same_bits(all, threads));
    for (std::size_t step : {1, 17, 256, 1000}) {
      std::vector<float> parts = t.dw;
      for (std::size_t row = 0; row < t.m; row += step) t.add(*kernels, two, row, std::min(row + step, t.m), parts);
      CAPTURE(kernels->rows, step);
      CHECK(same_bits(all, parts));
    }
  }
}

TEST_CASE("a weight gradient is one chain of multiply-adds over the rows", "[gemm]") {
  ThreadPool pool(2);
  Case const t{700, 20, 40};
  for (auto isa : {detail::Isa::Avx2, detail::Isa::Avx512}) {
    auto const* kernels = detail::find_kernels(isa);
    if (kernels == nullptr) {
      WARN("no " << (isa == detail::Isa::Avx2 ? "AVX2" : "AVX-512") << " here: skipped");
      continue;
    }
    std::vector<float> dw = t.dw;
    t.add(*kernels, pool, 0, t.m, dw);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < t.n; ++i) {
      for (std::size_t j = 0; j < t.k; ++j) {
        float sum = t.dw[i * t.lddw + j];
        for (std::size_t r = 0; r < t.m; ++r) sum = std::fma(t.dy[r * t.ldy + i], t.x[r * t.ldx + j], sum);
        if (std::bit_cast<std::uint32_t>(sum) != std::bit_cast<std::uint32_t>(dw[i * t.lddw + j])) ++wrong;
      }
    }
    CHECK(wrong == 0);
  }
}
