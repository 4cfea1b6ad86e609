// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/leave_one_out.hpp"

#include "grove/advantage/group_relative.hpp"
#include "helpers.hpp"

using grove::LeaveOneOut;
using test::check_close;
using test::of_scores;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<LeaveOneOut>);

TEST_CASE("each reward stands against the mean of the others") {
  check_close(of_sequences(LeaveOneOut{}, of_scores({3.0, 1.0, 1.0, 0.0})),
              {3 - 2.0 / 3, 1 - 4.0 / 3, 1 - 4.0 / 3, -5.0 / 3}, 1e-15);
  check_close(of_sequences(LeaveOneOut{}, of_scores({2.0, 5.0, 1.0, 1.0}, {1, 1, 2, 2})), {-3, 3, 0, 0}, 1e-15);
}

TEST_CASE("with a declined sample, the others are those that were judged") {
  check_close(of_sequences(LeaveOneOut{}, of_scores({3.0, std::nullopt, 1.0})), {2, 0, -2}, 1e-15);
  check_close(of_sequences(LeaveOneOut{}, of_scores({3.0, std::nullopt, std::nullopt})), {0, 0, 0}, 0);
}

TEST_CASE("it is G / (G - 1) times the distance to the group's mean") {
  test::Scores const scores = {0.3, -1.5, 2.25, 0.0, 0.7};
  auto const centred = of_sequences(grove::GroupRelative<grove::Unscaled>{}, of_scores(scores));
  std::vector<double> want;
  for (double const x : centred) want.push_back(x * 5 / 4);
  check_close(of_sequences(LeaveOneOut{}, of_scores(scores)), want, 1e-15);
}

TEST_CASE("one answer has no others") { CHECK_THROWS_AS(LeaveOneOut{}.check_group(1), grove::Error); }
