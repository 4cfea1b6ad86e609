// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/beta_normalized.hpp"

#include <cmath>

#include "helpers.hpp"

using grove::BetaNormalized;
using test::check_close;
using test::of_scores;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<BetaNormalized>);

TEST_CASE("the logarithm of the gamma function is the library's") {
  for (double const x : {1.0, 1.0001, 1.5, 2.0, 3.25, 11.9, 12.0, 100.0, 1e6})
    CHECK(grove::detail::log_gamma(x) == Approx(std::lgamma(x)).epsilon(1e-14).margin(2e-14));
}

TEST_CASE("rates of 1/4 and 3/4 have a density by hand") {
  // mean 1/2, variance 1/8, a = b = 1/2, so the density is that of Beta(7/6, 7/6).
  double const density = std::pow(3.0 / 16, 1.0 / 6) * std::tgamma(7.0 / 3) / std::pow(std::tgamma(7.0 / 6), 2);
  auto const a =
      of_sequences(BetaNormalized{}, of_scores({1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0}, {0, 0, 0, 0, 1, 1, 1, 1}));
  check_close(a,
              {0.75 / density, -0.25 / density, -0.25 / density, -0.25 / density, 0.25 / density, 0.25 / density,
               0.25 / density, -0.75 / density},
              1e-13);
}

TEST_CASE("nothing to fit is a flat density") {
  check_close(of_sequences(BetaNormalized{}, of_scores({1.0, 0.0, 0.0, 0.0})), {0.75, -0.25, -0.25, -0.25}, 1e-15);
  check_close(of_sequences(BetaNormalized{}, of_scores({1.0, 0.0, 0.0, 1.0}, {0, 0, 1, 1})), {0.5, -0.5, -0.5, 0.5},
              1e-15);
}

TEST_CASE("rewards from another range are mapped to that of probabilities") {
  check_close(of_sequences(BetaNormalized{.min_reward = -1, .max_reward = 3}, of_scores({3.0, -1.0})), {0.5, -0.5},
              1e-15);
  CHECK(test::error_of([] {
          of_sequences(BetaNormalized{}, of_scores({3.0, 1.0}));
        }) ==
        "options min_reward and max_reward: a mean reward lies outside them; expected rewards between 0.000000 and "
        "1.000000");
  CHECK(test::error_of([] { check_options(BetaNormalized{.min_reward = 1}); }) ==
        "option max_reward: is 1.000000; expected greater than min_reward, which is 1");
}

TEST_CASE("a tiny density weighs no more than the bound") {
  // Nearly all problems unsolved: the density at the one solved half is small.
  test::Scores scores(40, 0.0);
  std::vector<std::uint32_t> groups;
  for (std::uint32_t s = 0; s < 40; ++s) groups.push_back(s / 2);
  scores[0] = 1.0;
  auto const free = of_sequences(BetaNormalized{}, of_scores(scores, groups));
  auto const bounded = of_sequences(BetaNormalized{.max_weight = 0.5}, of_scores(scores, groups));
  CHECK(std::abs(free[0]) > 0.25);
  CHECK(bounded[0] == Approx(0.25));
}
