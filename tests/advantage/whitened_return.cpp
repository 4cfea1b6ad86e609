// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/whitened_return.hpp"

#include <cmath>

#include "helpers.hpp"

using grove::WhitenedReturn;
using test::check_close;
using test::estimate;

static_assert(grove::AdvantageEstimator<WhitenedReturn>);
static_assert(!WhitenedReturn::needs_groups && WhitenedReturn::needs.empty());

TEST_CASE("discounted sums of rewards, whitened over all tokens") {
  test::Batch<> batch;
  batch.add(2, 0, 1.0);
  batch.add(1, 1, 0.0);
  // Returns 0.5 and 1; 0. Mean 1/2, variance 1/4.
  double const z = 0.5 / std::sqrt(0.25 + 1e-8);
  check_close(estimate(WhitenedReturn{.gamma = 0.5}, batch).advantage, {0, z, -z}, 1e-15);
}

TEST_CASE("tokens out of the loss neither count nor are written") {
  test::Batch<> batch;
  batch.add(2, 0, 1.0);
  batch.add(1, 1, 0.0);
  batch.add(2, 2, 77.0);
  batch.counts = {1, 1, 1, 0, 0};  // a truncated answer, say
  double const z = 0.5 / std::sqrt(0.25 + 1e-8);
  check_close(estimate(WhitenedReturn{.gamma = 0.5}, batch).advantage, {0, z, -z, 0, 0}, 1e-15);
}

TEST_CASE("equal returns have no advantage, exactly") {
  test::Batch<float> batch;
  for (std::size_t const length : {3, 1, 9}) batch.add(length, 0, 0.1);
  check_close(estimate(WhitenedReturn{}, batch).advantage, std::vector<float>(13, 0.0f), 0);
}

TEST_CASE("a discount outside [0, 1] is refused by name") {
  CHECK(test::error_of([] { check_options(WhitenedReturn{.gamma = 1.5}); }) ==
        "option gamma: is 1.500000; expected between 0 and 1");
}
