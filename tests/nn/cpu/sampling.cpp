// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/cpu/sampling_kernels.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"

using grove::TokenId;
using grove::nn::cpu::SampledToken;
using grove::nn::cpu::SamplingOptions;
using grove::nn::cpu::TokenSampler;
namespace detail = grove::nn::cpu::detail;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> random_row(std::size_t size, double spread, std::uint64_t seed) {
  grove::RandomSequence random(grove::RandomStream({.seed = seed, .purpose = grove::Purpose::Data}));
  std::vector<float> row(size);
  for (float& x : row) x = static_cast<float>(spread * random.normal());
  return row;
}

std::vector<double> softmax(std::vector<float> const& logits, double temperature) {
  double const top = *std::ranges::max_element(logits);
  std::vector<double> p;
  double sum = 0;
  for (float const x : logits) sum += p.emplace_back(std::exp((x - top) / temperature));
  for (double& x : p) x /= sum;
  return p;
}

std::string message_of(auto&& f) {
  try {
    f();
  } catch (grove::Error const& error) {
    return error.what();
  }
  return "no error";
}

std::vector<detail::SamplingKernels const*> all_kernels() {
  std::vector<detail::SamplingKernels const*> sets{&detail::portable_sampling_kernels()};
#if defined(__x86_64__)
  if (auto const* set = detail::avx2_sampling_kernels()) sets.push_back(set);
  if (auto const* set = detail::avx512_sampling_kernels()) sets.push_back(set);
#endif
  return sets;
}

}  // namespace

TEST_CASE("sampling: a uniform number selects by the cumulative distribution in order of ids") {
  // Probabilities 1/8, 1/2, 0, 1/4, 1/8.
  std::vector<float> const logits{0, std::log(4.0f), -infinity, std::log(2.0f), 0};
  TokenSampler sample({});
  struct Case {
    double uniform;
    TokenId token;
    double probability;
  };
  for (auto const& [uniform, token, probability] : {Case{0, 0, 0.125},
                                                    {0.1249, 0, 0.125},
                                                    {0.1251, 1, 0.5},
                                                    {0.6249, 1, 0.5},
                                                    {0.6251, 3, 0.25},
                                                    {0.8749, 3, 0.25},
                                                    {0.8751, 4, 0.125},
                                                    {1 - 0x1p-53, 4, 0.125}}) {
    SampledToken const drawn = sample(logits, uniform);
    INFO(uniform);
    CHECK(drawn.token == token);
    CHECK(drawn.log_prob == Approx(std::log(probability)).margin(1e-6));
    CHECK(drawn.kept_mass == 1.0f);
  }
}

TEST_CASE("sampling: hand cases of temperature, top-k, top-p and min-p") {
  // Probabilities 1/16, 1/2, 1/16, 1/4, 1/8.
  std::vector<float> const logits{0, std::log(8.0f), 0, std::log(4.0f), std::log(2.0f)};
  struct Case {
    SamplingOptions options;
    std::vector<TokenId> kept;
    double mass;
  };
  for (auto const& [options, kept, mass] : {
           Case{{.top_k = 2}, {1, 3}, 0.75},
           Case{{.top_k = 4}, {0, 1, 2, 3, 4}, 1.0},  // the fourth is one of two equals
           Case{{.top_p = 0.7}, {1, 3}, 0.75},
           Case{{.top_p = 0.76}, {1, 3, 4}, 0.875},
           Case{{.top_p = 0.9}, {0, 1, 3, 4}, 0.9375},  // of two equals the lower id goes first
           Case{{.min_p = 0.2}, {1, 3, 4}, 0.875},
           Case{{.min_p = 1}, {1}, 0.5},
           Case{{.top_p = 1e-9}, {1}, 0.5},
           // Top-k leaves 2/3 and 1/3, of which top-p needs the first only.
           Case{{.top_k = 2, .top_p = 0.66}, {1}, 0.5},
           // At temperature 1/2 the weights are 1, 64, 1, 16, 4.
           Case{{.temperature = 0.5, .top_p = 0.9}, {1, 3}, 80.0 / 86},
           Case{{.temperature = 0.5, .min_p = 0.06}, {1, 3, 4}, 84.0 / 86},
       }) {
    CAPTURE(options.temperature, options.top_k, options.top_p, options.min_p);
    TokenSampler sample(options);
    std::vector<TokenId> seen;
    auto const untruncated = softmax(logits, options.temperature);
    for (int i = 0; i < 1000; ++i) {
      SampledToken const drawn = sample(logits, i / 1000.0);
      seen.push_back(drawn.token);
      REQUIRE(drawn.kept_mass == Approx(mass).epsilon(1e-6));
      REQUIRE(drawn.log_prob == Approx(std::log(untruncated[static_cast<std::size_t>(drawn.token)])).epsilon(1e-6));
    }
    CHECK(std::ranges::is_sorted(seen));
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    CHECK(seen == kept);
  }
}

TEST_CASE("sampling: temperature 0 takes the lowest of the most probable ids with its log-prob at temperature 1") {
  std::vector<float> logits = random_row(2000, 1.0, 5);
  logits[700] = logits[1400] = 9;
  TokenSampler greedy({.temperature = 0, .top_k = 3, .top_p = 0.5});
  for (double const uniform : {0.0, 0.5, 0.999}) {
    SampledToken const drawn = greedy(logits, uniform);
    CHECK(drawn.token == 700);
    CHECK(drawn.log_prob == Approx(std::log(softmax(logits, 1.0)[700])).epsilon(1e-6));
    CHECK(drawn.kept_mass == 1.0f);
  }
}

TEST_CASE("sampling: keeps what transformers' logits warpers keep") {
  std::ifstream file(GROVE_TEST_DATA "/nn/cpu/sampling_warpers.json");
  for (auto const& row : nlohmann::json::parse(file)) {
    std::vector<float> logits;
    for (auto const& x : row["logits"]) logits.push_back(x.is_null() ? -infinity : x.get<float>());
    for (auto const& expected : row["cases"]) {
      INFO(row["name"] << " " << expected["temperature"] << " top_k " << expected.value("top_k", 0) << " top_p "
                       << expected.value("top_p", 1.0) << " min_p " << expected.value("min_p", 0.0));
      TokenSampler sample({.temperature = expected["temperature"],
                           .top_k = expected.value("top_k", 0U),
                           .top_p = expected.value("top_p", 1.0),
                           .min_p = expected.value("min_p", 0.0)});
      auto const kept = expected["kept"].get<std::vector<TokenId>>();
      auto const log_probs = expected["log_probs"].get<std::vector<double>>();
      double const mass = expected["kept_mass"];
      double below = 0;
      for (std::size_t i = 0; i < kept.size(); ++i) {
        double const p = std::exp(log_probs[i]);
        SampledToken const drawn = sample(logits, (below + p / 2) / mass);
        below += p;
        if (p < 1e-5) continue;  // half its width is less than rounding moves the borders
        REQUIRE(drawn.token == kept[i]);
        REQUIRE(drawn.log_prob == Approx(log_probs[i]).margin(2e-6));
        REQUIRE(drawn.kept_mass == Approx(mass).margin(2e-6));
      }
    }
  }
}

TEST_CASE("sampling: frequencies follow the softmax") {
  struct Case {
    std::size_t vocabulary;
    SamplingOptions options;
  };
  for (auto const& [vocabulary, options] :
       {Case{40, {}}, Case{1300, {.temperature = 0.8}}, Case{40, {.temperature = 1.3, .top_k = 12, .top_p = 0.9}}}) {
    auto const logits = random_row(vocabulary, 1.5, 17);
    TokenSampler sample(options);
    grove::RandomStream const stream({.seed = 99});
    std::vector<double> counts(vocabulary);
    double mass = 0;
    int constexpr draws = 200000;
    for (std::uint32_t i = 0; i < draws; ++i) {
      SampledToken const drawn = sample(logits, grove::uniform(stream, {.token = i}));
      counts[static_cast<std::size_t>(drawn.token)] += 1;
      mass = drawn.kept_mass;
    }
    auto const p = softmax(logits, options.temperature);
    double chi_square = 0, cells = 0, rest = 0, rest_count = 0;
    for (std::size_t i = 0; i < vocabulary; ++i) {
      double const expected = p[i] / mass * draws;
      bool const kept = options.top_k == 0 || counts[i] > 0;
      if (!kept) continue;
      if (expected < 10) {
        rest += expected;
        rest_count += counts[i];
        continue;
      }
      chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
      ++cells;
    }
    if (rest > 0) chi_square += (rest_count - rest) * (rest_count - rest) / rest;
    CAPTURE(vocabulary, cells, chi_square);
    CHECK(std::abs(chi_square - cells) < 4 * std::sqrt(2 * cells));  // mean and four standard deviations
  }
}

TEST_CASE("sampling: selections over a large vocabulary equal a full sort") {
  std::size_t constexpr vocabulary = 151936;
  for (double const spread : {0.02, 1.0, 3.0}) {
    auto const logits = random_row(vocabulary, spread, 23);
    for (SamplingOptions const& options :
         {SamplingOptions{.top_k = 50}, SamplingOptions{.top_k = 5000}, SamplingOptions{.top_p = 0.95},
          SamplingOptions{.top_k = 1000, .top_p = 0.5}, SamplingOptions{.top_p = 0.9, .min_p = 0.3}}) {
      auto const p = softmax(logits, 1.0);
      std::vector<double> sorted = p;
      std::ranges::sort(sorted, std::ranges::greater());
      std::size_t count = options.top_k > 0 ? options.top_k : vocabulary;
      double mass = 0;
      for (std::size_t i = 0; i < count; ++i) mass += sorted[i];
      if (options.top_p < 1) {
        double const share = options.top_p * mass;
        mass = 0;
        for (std::size_t i = 0; i < count && mass < share; ++i) {
          if (sorted[i] < options.min_p * sorted[0]) break;
          mass += sorted[i];
        }
      }
      CAPTURE(spread, options.top_k, options.top_p, options.min_p);
      TokenSampler sample(options);
      for (double const uniform : {0.0, 0.3, 0.9999999}) {
        SampledToken const drawn = sample(logits, uniform);
        CHECK(drawn.kept_mass == Approx(mass).epsilon(1e-5));
        // The scorer's float sum over so many tokens is good for about 1e-5.
        CHECK(drawn.log_prob == Approx(std::log(p[static_cast<std::size_t>(drawn.token)])).margin(2e-5));
      }
    }
  }
}

TEST_CASE("sampling: the instruction sets agree and equal exp within rounding") {
  for (std::size_t const n : {1UL, 15UL, 16UL, 512UL, 513UL, 1999UL}) {
    auto const logits = random_row(n, 8.0, n);
    float const top = *std::ranges::max_element(logits);
    float const scale = 1.0f / 0.7f;
    for (auto const* kernels : all_kernels()) {
      std::vector<float> weights(n), sums((n + 511) / 512), maxima(sums.size());
      kernels->weigh(logits.data(), n, scale, top, weights.data());
      kernels->block_sums(logits.data(), n, scale, top, sums.data());
      kernels->block_maxima(logits.data(), n, maxima.data());
      CHECK(*std::ranges::max_element(maxima) == top);
      std::vector<double> exact(sums.size());
      for (std::size_t i = 0; i < n; ++i) {
        float const exponent = (logits[i] - top) * scale;
        double const weight = exponent < -87.0f ? 0 : std::exp(static_cast<double>(exponent));
        REQUIRE(weights[i] == Approx(weight).epsilon(2.4e-7).margin(0));
        exact[i / 512] += weight;
      }
      for (std::size_t b = 0; b < sums.size(); ++b) CHECK(sums[b] == Approx(exact[b]).epsilon(1e-6));
    }
  }
}

TEST_CASE("sampling: extreme but valid rows") {
  TokenSampler sample({});
  CHECK(sample(std::vector<float>{3.0f}, 0.99).token == 0);
  CHECK(sample(std::vector<float>{-3e38f, 3e38f, -infinity}, 0.0).token == 1);
  CHECK(sample(std::vector<float>{-infinity, -3e38f}, 0.5).log_prob == 0.0f);
  // The last uniform number never lands on a token without probability, whatever rounding does to the sums.
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto row = random_row(3000, 2.0, seed);
    for (std::size_t i = 2500; i < row.size(); ++i) row[i] = -infinity;
    CHECK(sample(row, 1 - 0x1p-53).token < 2500);
    CHECK(std::isfinite(sample(row, 1 - 0x1p-53).log_prob));
  }
  REQUIRE_THROWS_AS(TokenSampler({.temperature = 1e-5})(std::vector<float>{3e38f, 1.0f}, 0.5), grove::Error);
  TokenSampler cold({.temperature = 1e-5});
  CHECK(cold(std::vector<float>{1.0f, 2.0f, 1.5f}, 0.7).token == 1);
}

TEST_CASE("sampling: bad logits and bad options are refused by name") {
  TokenSampler sample({});
  float const nan = std::numeric_limits<float>::quiet_NaN();
  auto const message = [&](std::vector<float> const& row) { return message_of([&] { (void)sample(row, 0.5); }); };
  CHECK(message({}).find("no logits") != std::string::npos);
  CHECK(message({-infinity, -infinity}).find("no logit is finite") != std::string::npos);
  CHECK(message({0, infinity}).find("a logit is infinite") != std::string::npos);
  CHECK(message({0, nan, 1}).find("a logit is NaN") != std::string::npos);
  CHECK(message({nan}).find("no logit is finite") != std::string::npos);
  std::vector<float> long_row(1000, 0.0f);
  long_row[777] = nan;
  CHECK(message(long_row).find("a logit is NaN") != std::string::npos);

  auto const refused = [](SamplingOptions const& options) { return message_of([&] { validate(options); }); };
  CHECK(refused({}) == "no error");
  CHECK(refused({.temperature = -1}).find("temperature: is -1") == 0);
  CHECK(refused({.temperature = nan}).find("temperature") == 0);
  CHECK(refused({.temperature = 1e-7}).find("temperature") == 0);
  CHECK(refused({.top_p = 0}).find("top_p") == 0);
  CHECK(refused({.top_p = 1.5}).find("top_p") == 0);
  CHECK(refused({.min_p = -0.1}).find("min_p") == 0);
  CHECK(refused({.min_p = nan}).find("min_p") == 0);
}
