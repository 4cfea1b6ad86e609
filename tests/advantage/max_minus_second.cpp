// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/max_minus_second.hpp"

#include "helpers.hpp"

using grove::MaxMinusSecond;
using test::check_close;
using test::of_scores;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<MaxMinusSecond<>>);
static_assert(grove::AdvantageEstimator<MaxMinusSecond<grove::OverGroup>>);

TEST_CASE("only the best of a group earns, and only what the second best lacks") {
  check_close(of_sequences(MaxMinusSecond<>{}, of_scores({1.0, 3.0, 2.5, 0.0})), {0, 0.5, 0, 0}, 1e-15);
  check_close(of_sequences(MaxMinusSecond<>{}, of_scores({-1.0, -3.0})), {2, 0}, 1e-15);
  check_close(of_sequences(MaxMinusSecond<>{}, of_scores({1.0, 1.0, 0.0})), {0, 0, 0}, 0);
  check_close(of_sequences(MaxMinusSecond<>{}, of_scores({1.0})), {0}, 0);
}

TEST_CASE("scaled, it is in units of the group's deviation") {
  check_close(of_sequences(MaxMinusSecond<grove::OverGroup>{.eps = 0}, of_scores({3.0, 1.0})), {2 / std::sqrt(2.0), 0},
              1e-15);
  check_close(of_sequences(MaxMinusSecond<grove::OverGroup>{.ddof = 0, .eps = 1}, of_scores({3.0, 1.0})), {1, 0},
              1e-15);
  check_close(of_sequences(MaxMinusSecond<grove::OverGroup>{.eps = 0}, of_scores({2.0, 2.0})), {0, 0}, 0);
}

TEST_CASE("its options are those of its division") {
  CHECK(test::option_names(MaxMinusSecond<>{}).empty());
  CHECK(test::option_names(MaxMinusSecond<grove::OverGroup>{}) == std::vector<std::string>{"ddof", "eps"});
}
