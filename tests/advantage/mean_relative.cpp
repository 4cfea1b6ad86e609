// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/mean_relative.hpp"

#include "helpers.hpp"

using grove::MeanRelative;
using test::check_close;
using test::of_scores;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<MeanRelative>);

TEST_CASE("the rarer a right answer, the more it earns") {
  check_close(of_sequences(MeanRelative{}, of_scores({1.0, 0.0, 0.0, 0.0})), {3, -1, -1, -1}, 1e-15);
  check_close(of_sequences(MeanRelative{}, of_scores({1.0, 1.0, 1.0, 0.0})), {1.0 / 3, 1.0 / 3, 1.0 / 3, -1}, 1e-15);
}

TEST_CASE("nothing solved, everything solved and a mean below zero give nothing") {
  check_close(of_sequences(MeanRelative{}, of_scores({0.0, 0.0})), {0, 0}, 0);
  check_close(of_sequences(MeanRelative{}, of_scores({1.0, 1.0, 1.0})), {0, 0, 0}, 0);
  check_close(of_sequences(MeanRelative{}, of_scores({-1.0, 0.5})), {0, 0}, 0);
}
