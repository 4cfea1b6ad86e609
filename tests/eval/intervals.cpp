// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "grove/eval/bootstrap.hpp"
#include "grove/eval/paired.hpp"
#include "support/catch.hpp"

using grove::eval::bootstrap_mean;
using grove::eval::compare_paired;

TEST_CASE("quantiles lie between neighbours as numpy's") {
  std::vector<double> const values{1, 2, 4, 8};
  REQUIRE(grove::eval::quantile(values, 0.0) == 1.0);
  REQUIRE(grove::eval::quantile(values, 0.5) == 3.0);
  REQUIRE(grove::eval::quantile(values, 0.9) == Approx(6.8));
  REQUIRE(grove::eval::quantile(values, 1.0) == 8.0);
}

TEST_CASE("the bootstrap interval is that of all resamples") {
  // All 4^4 resamples of {0, 0, 0, 1} by their probabilities: the mean is Binomial(4, 1/4) / 4.
  std::vector<double> const values{0, 0, 0, 1};
  std::vector<double> means;
  for (int i = 0; i < 256; ++i) {
    double sum = 0;
    for (int place = 0, rest = i; place < 4; ++place, rest /= 4) sum += values[static_cast<std::size_t>(rest % 4)];
    means.push_back(sum / 4);
  }
  std::sort(means.begin(), means.end());
  auto const interval = bootstrap_mean(values);
  REQUIRE(interval.low == grove::eval::quantile(means, 0.025));
  REQUIRE(interval.high == grove::eval::quantile(means, 0.975));
}

TEST_CASE("the bootstrap agrees with the normal interval where there are many problems") {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i % 4 == 0 ? 1.0 : 0.0);
  double const se = std::sqrt(0.25 * 0.75 / 999);
  auto const interval = bootstrap_mean(values);
  CHECK(interval.low == Approx(0.25 - 1.96 * se).margin(0.002));
  CHECK(interval.high == Approx(0.25 + 1.96 * se).margin(0.002));
  auto const wide = bootstrap_mean(values, {.level = 0.99});
  CHECK(wide.low < interval.low);
}

TEST_CASE("a seed repeats an interval, another seed moves it a little") {
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) values.push_back((i * 7 % 10) / 9.0);
  auto const a = bootstrap_mean(values, {.seed = 1}), b = bootstrap_mean(values, {.seed = 1}),
             c = bootstrap_mean(values, {.seed = 2});
  REQUIRE(a.low == b.low);
  REQUIRE(a.high == b.high);
  REQUIRE(a.low != c.low);
  REQUIRE(a.low == Approx(c.low).margin(0.01));
  REQUIRE(std::isnan(bootstrap_mean({}).low));
}

TEST_CASE("pairs are compared problem by problem") {
  std::vector<double> const a{0, 0, 0, 1, 0.5}, b{1, 1, 0, 0.5, 1};
  auto const c = compare_paired(a, b);
  REQUIRE(c.problems == 5);
  REQUIRE(c.better == 3);
  REQUIRE(c.worse == 1);
  REQUIRE(c.equal == 1);
  REQUIRE(c.difference == Approx(0.4));
  // Differences 1, 1, 0, -0.5, 0.5: squares about the mean 0.36 + 0.36 + 0.16 + 0.81 + 0.01 = 1.7.
  REQUIRE(c.standard_error == Approx(std::sqrt(1.7 / 4 / 5)));
  // Of the 16 sign patterns of {1, 1, -0.5, 0.5}, those whose sum is 2 or more away from 0: (2.5 + ...) by hand:
  // both ones alike (8 patterns), halves not both against them (6 of those).
  REQUIRE(c.p_value == Approx(6.0 / 16));
}

TEST_CASE("with many problems the sign test draws patterns, and finds what is plain") {
  std::vector<double> zero(40, 0.0), one(40, 1.0), mixed;
  for (int i = 0; i < 40; ++i) mixed.push_back(i % 2 == 0 ? 1.0 : -1.0);
  REQUIRE(compare_paired(zero, one).p_value < 1e-3);
  REQUIRE(compare_paired(zero, mixed).p_value == 1.0);
  REQUIRE(compare_paired(one, one).p_value == 1.0);
  // 17 ones and three minus ones: P(|S| >= 14) of 20 coins = 2 (C(20,0)+C(20,1)+C(20,2)+C(20,3)) / 2^20 = 0.00258.
  std::vector<double> skewed(20, 1.0);
  for (std::size_t i = 0; i < 3; ++i) skewed[i] = -1;
  REQUIRE(compare_paired(std::vector<double>(20, 0.0), skewed).p_value == Approx(0.00258).margin(0.0012));
}

TEST_CASE("comparing different problems is an error") {
  std::vector<double> const two{0, 1}, three{0, 1, 1};
  REQUIRE_THROWS_AS(compare_paired(two, three), grove::Error);
  REQUIRE_THROWS_AS(compare_paired({}, {}), grove::Error);
}
