// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/vocab.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "grove/error.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"

using namespace grove::nn::cpu;

namespace {

std::vector<float> random_logits(std::size_t n, double width) {
  grove::RandomSequence random(grove::RandomStream({.seed = 3}), n);
  std::vector<float> row(n);
  for (float& x : row) x = static_cast<float>(random.normal() * width);
  return row;
}

struct Exact {
  std::vector<double> log_probs;
  double entropy = 0;
  double sum_squares = 0;
};

Exact exact_softmax(std::vector<float> const& logits, double temperature) {
  Exact exact;
  double sum = 0;
  for (float x : logits) sum += std::exp(x / temperature);
  for (float x : logits) {
    double const log_p = x / temperature - std::log(sum);
    exact.log_probs.push_back(log_p);
    exact.entropy -= std::exp(log_p) * log_p;
    exact.sum_squares += std::exp(2 * log_p);
  }
  return exact;
}

}  // namespace

TEST_CASE("Log-probs, entropy and sum of squares of a row of logits") {
  auto const n = GENERATE(1U, 7U, 64U, 515U, 5000U);
  auto const temperature = GENERATE(0.6F, 1.0F, 1.7F);
  auto const logits = random_logits(n, 4);
  auto const exact = exact_softmax(logits, temperature);
  auto const s = softmax(logits, temperature);
  for (std::size_t i = 0; i < n; i += 3) CHECK(s.log_prob(logits[i]) == Approx(exact.log_probs[i]).margin(4e-6));
  auto const both = spread(logits, s);
  CHECK(both.entropy == Approx(exact.entropy).margin(3e-6));
  CHECK(both.sum_squares == Approx(exact.sum_squares).epsilon(3e-6));

  std::vector<float> weights(n);
  auto const again = softmax(logits, temperature, weights);
  CHECK((again.sum == s.sum && again.maximum == s.maximum && again.log_sum == s.log_sum));
  CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == Approx(s.sum).epsilon(1e-6));
}

TEST_CASE("The gradient of log-prob and entropy with respect to logits") {
  auto const temperature = GENERATE(0.6F, 1.0F, 1.7F);
  std::size_t const n = 37;
  auto const logits = random_logits(n, 2);
  auto const loss = [&](std::vector<float> const& row) {
    auto const exact = exact_softmax(row, temperature);
    return 0.7 * exact.log_probs[5] - 1.3 * exact.entropy;
  };
  auto row = logits;
  auto const s = softmax(row, temperature);
  softmax_gradient(row, s, 5, 0.7F, -1.3F, spread(row, s).entropy);
  for (std::size_t i = 0; i < n; ++i) {
    auto above = logits;
    auto below = logits;
    above[i] += 1e-3F;
    below[i] -= 1e-3F;
    double const slope = (loss(above) - loss(below)) / (static_cast<double>(above[i]) - below[i]);
    CHECK(row[i] == Approx(slope).margin(2e-6));
  }
}

TEST_CASE("Impossible tokens and logits that are not numbers") {
  float const infinity = std::numeric_limits<float>::infinity();
  std::vector<float> logits{0, -infinity, 0};
  auto const s = softmax(logits, 1);
  CHECK(s.log_prob(0) == Approx(std::log(0.5)));
  CHECK(s.log_prob(-infinity) == -infinity);
  CHECK(spread(logits, s).entropy == Approx(std::log(2.0)));
  softmax_gradient(logits, s, 0, 1, 1, spread(logits, s).entropy);
  CHECK(logits[1] == 0);
  logits = {0, std::nanf(""), 0};
  CHECK(std::isnan(softmax(logits, 1).log_sum));
}

TEST_CASE("A temperature that is no positive number is refused") {
  std::vector<float> const logits{1, 2};
  for (float bad : {0.0F, -1.0F, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    CHECK_THROWS_AS(softmax(logits, bad), grove::Error);
  }
  CHECK_THROWS_AS(softmax({}, 1), grove::Error);
}
