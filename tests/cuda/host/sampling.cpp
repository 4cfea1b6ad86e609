// SPDX-License-Identifier: Apache-2.0
// The sampling kernel on a simulated block and in one thread, against the CPU engine's sampler.
#include "grove/nn/cpu/sampling.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "grove/cuda/decode_sampling.hpp"
#include "grove/cuda/elements.hpp"
#include "simulated_block.hpp"
#include "support/catch.hpp"

using namespace grove;
using cuda::DrawnToken;
using cuda::RowFault;
using cuda::test::Order;
using cuda::test::SimulatedBlock;
using nn::cpu::SamplingOptions;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Rows of logits of one vocabulary and what a kernel makes of them.
struct Rows {
  std::size_t vocabulary;
  std::vector<float> logits{};
  std::vector<Draw> draws{};
  std::vector<DrawnToken> drawn{};
  RandomStream random{{.seed = 9, .purpose = Purpose::Sampling}, 2, 1};

  void add(std::span<float const> row) {
    logits.insert(logits.end(), row.begin(), row.end());
    draws.push_back({.index = 7, .sample = 3, .token = static_cast<std::uint32_t>(draws.size())});
    drawn.emplace_back();
  }
  /// `count` rows of normal logits, `spread` wide.
  void add_random(std::size_t count, double spread, bool bf16 = false) {
    RandomSequence numbers(RandomStream({.seed = 11}, vocabulary));
    std::vector<float> row(vocabulary);
    for (std::size_t r = 0; r < count; ++r) {
      for (auto& x : row) x = static_cast<float>(spread * numbers.normal());
      if (bf16)
        for (auto& x : row) x = cuda::rounded<cuda::Bf16>(x);
      add(row);
    }
  }
  [[nodiscard]] std::span<float const> row(std::size_t i) const {
    return std::span(logits).subspan(i * vocabulary, vocabulary);
  }
  cuda::Sampling in(SamplingOptions const& options) {
    return {.logits = logits.data(),
            .rows = static_cast<unsigned>(draws.size()),
            .vocabulary = static_cast<unsigned>(vocabulary),
            .rule = {options.temperature, options.top_k, options.top_p, options.min_p},
            .random = random,
            .draws = draws.data(),
            .drawn = drawn.data()};
  }

  void run_alone(SamplingOptions const& options) {
    auto const shared = std::make_unique<cuda::SamplingShared>();
    for (unsigned r = 0; r < draws.size(); ++r) cuda::sample_row(cuda::SingleThread{}, in(options), r, *shared);
  }
  void run_block(SamplingOptions const& options, unsigned threads, Order order) {
    auto const shared = std::make_unique<cuda::SamplingShared>();
    SimulatedBlock block(threads, order);
    auto const sampling = in(options);
    for (unsigned r = 0; r < draws.size(); ++r)
      REQUIRE(block.run([&](auto const& thread) { cuda::sample_row(thread, sampling, r, *shared); }));
  }

  /// The same tokens as the CPU's.
  void check(SamplingOptions const& options) {
    nn::cpu::TokenSampler sampler(options);
    for (std::size_t r = 0; r < draws.size(); ++r) {
      INFO("row " << r);
      auto const want = sampler(row(r), uniform(random, draws[r]));
      CHECK(drawn[r].fault == RowFault::None);
      CHECK(drawn[r].token == want.token);
      CHECK(drawn[r].log_prob == Approx(want.log_prob).epsilon(1e-6).margin(2e-6));
      CHECK(drawn[r].kept_mass == Approx(want.kept_mass).epsilon(1e-5));
    }
  }
};

bool same(std::vector<DrawnToken> const& a, std::vector<DrawnToken> const& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].token != b[i].token || a[i].log_prob != b[i].log_prob || a[i].kept_mass != b[i].kept_mass) return false;
  return a.size() == b.size();
}

std::vector<SamplingOptions> const all_rules = {{},
                                                {.temperature = 0},
                                                {.temperature = 0.7},
                                                {.temperature = 1.5, .top_k = 1},
                                                {.top_k = 20},
                                                {.top_k = 2000},
                                                {.top_p = 0.9},
                                                {.temperature = 0.6, .top_p = 0.3},
                                                {.top_p = 0.999999},
                                                {.min_p = 0.05},
                                                {.temperature = 0.9, .top_k = 50, .top_p = 0.95, .min_p = 0.02}};

void check_all(std::size_t vocabulary, double spread, std::size_t rows, bool bf16 = false) {
  for (auto const& rule : all_rules) {
    INFO("vocabulary " << vocabulary << ", temperature " << rule.temperature << ", top_k " << rule.top_k << ", top_p "
                       << rule.top_p << ", min_p " << rule.min_p);
    Rows alone{vocabulary};
    alone.add_random(rows, spread, bf16);
    alone.run_alone(rule);
    alone.check(rule);
  }
}

DrawnToken draw_one(std::vector<float> const& row, SamplingOptions const& options) {
  Rows rows{row.size()};
  rows.add(row);
  rows.run_alone(options);
  return rows.drawn[0];
}

}  // namespace

TEST_CASE("the sampling kernel draws the CPU sampler's tokens from the same numbers") {
  check_all(67, 2, 60);
  check_all(1537, 1, 20);  // three segments and a token
  check_all(5000, 6, 20);  // peaked
}

TEST_CASE("the sampling kernel treats equal logits as the CPU sampler does") {
  check_all(700, 0.5, 20, true);
  for (double top_p : {0.2, 0.5, 0.75, 0.8}) {
    Rows rows{4};
    for (int i = 0; i < 50; ++i) rows.add(std::vector<float>{1, 1, 1, 1});
    rows.run_alone({.top_p = top_p});
    rows.check({.top_p = top_p});
  }
  CHECK(draw_one({1, -0.0F, 3, 3, 0}, {.temperature = 0}).token == 2);
  Rows zeros{3};
  for (int i = 0; i < 40; ++i) zeros.add(std::vector<float>{-0.0F, 0, -1});
  zeros.run_alone({.top_k = 1});
  zeros.check({.top_k = 1});
}

TEST_CASE("a block of threads draws what one thread draws, to the bit, in either order") {
  for (auto const& rule : all_rules) {
    Rows rows{1100};
    rows.add_random(2, 2, true);
    rows.run_alone(rule);
    auto const want = rows.drawn;
    for (auto order : {Order::Forward, Order::Backward})
      for (unsigned threads : {32U, 96U}) {
        rows.drawn.assign(rows.drawn.size(), {});
        rows.run_block(rule, threads, order);
        REQUIRE(same(rows.drawn, want));
      }
  }
}

TEST_CASE("the sampling kernel never draws what has no probability, and says what is wrong with a row") {
  Rows rows{3};
  for (int i = 0; i < 50; ++i) rows.add(std::vector<float>{-infinity, 0.5F, -infinity});
  rows.run_alone({});
  for (auto const& drawn : rows.drawn) {
    CHECK(drawn.token == 1);
    CHECK(drawn.log_prob == 0);
  }
  float const nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(draw_one({0, infinity, nan}, {}).fault == RowFault::Infinite);
  CHECK(draw_one({0, nan, 1}, {.top_k = 1}).fault == RowFault::NotANumber);
  CHECK(draw_one({-infinity, -infinity}, {.temperature = 0}).fault == RowFault::NothingFinite);
  CHECK(draw_one({nan, nan}, {}).fault == RowFault::NothingFinite);
  CHECK(draw_one({1e38F, 0}, {.temperature = 1e-5}).fault == RowFault::TooLarge);
}

TEST_CASE("frequencies of the sampling kernel's tokens are the probabilities") {
  Rows rows{4};
  std::vector<double> const p = {0.1, 0.2, 0.3, 0.4};
  std::vector<float> row;
  for (double each : p) row.push_back(static_cast<float>(std::log(each)));
  constexpr std::size_t n = 40000;
  for (std::size_t i = 0; i < n; ++i) rows.add(row);
  rows.run_alone({});
  std::vector<double> counts(4);
  for (auto const& drawn : rows.drawn) counts[static_cast<std::size_t>(drawn.token)] += 1.0 / n;
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(counts[i] - p[i]) < 4 * std::sqrt(p[i] * (1 - p[i]) / n));
}
