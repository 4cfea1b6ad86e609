// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/whitened_group_relative.hpp"

#include <cmath>

#include "helpers.hpp"

using grove::WhitenedGroupRelative;
using test::check_close;
using test::estimate;

static_assert(grove::AdvantageEstimator<WhitenedGroupRelative>);

TEST_CASE("distances to the group's mean, whitened with each token counting once") {
  test::Batch<> batch;
  batch.add(3, 0, 1.0);
  batch.add(1, 0, 0.0);
  // Distances 1/2 three times and -1/2: mean 1/4, squares 3/16 + 9/16 over 3.
  double const scale = std::sqrt(0.25 + 1e-8);
  double const z = 0.25 / scale, low = -0.75 / scale;
  check_close(estimate(WhitenedGroupRelative{}, batch).advantage, {z, z, z, low}, 1e-15);
}

TEST_CASE("groups without signal give exactly nothing if all are so") {
  check_close(estimate(WhitenedGroupRelative{}, test::of_scores({0.1, 0.1, 0.7, 0.7, 0.7}, {0, 0, 1, 1, 1})).advantage,
              std::vector<double>(5, 0.0), 0);
}
