// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/greedy_baseline.hpp"

#include "helpers.hpp"

using grove::GreedyBaseline;
using test::check_close;
using test::estimate;

static_assert(grove::AdvantageEstimator<GreedyBaseline>);
static_assert(GreedyBaseline::needs_greedy && !GreedyBaseline::needs_groups);

TEST_CASE("what is still to come, against the greedy answer's reward") {
  test::Batch<> batch;
  batch.add(3, 0, 1.0);
  batch.add(1, 1, 0.0);
  batch.add(2, 2, std::nullopt);
  batch.greedy_reward = {0.25, 1.0, 5.0};
  check_close(estimate(GreedyBaseline{}, batch).advantage, {0.75, 0.75, 0.75, -1, 0, 0}, 1e-15);
  batch.token_reward = {0.5, -0.25, 0, 0, 0, 0};
  check_close(estimate(GreedyBaseline{}, batch).advantage, {1, 0.5, 0.75, -1, 0, 0}, 1e-15);
}

TEST_CASE("what the environment's tokens earn belongs to the decision before them") {
  test::Batch<> batch;
  batch.add(4, 0, 1.0);  // the reward falls on a token of the environment
  batch.episodes.environment = {{0, 1}, {3, 4}};
  batch.token_reward = {7, 0.5, 0, 0.25};
  batch.greedy_reward = {0};
  check_close(estimate(GreedyBaseline{}, batch).advantage, {0, 1.75, 1.25, 0}, 1e-15);
}

TEST_CASE("without greedy answers it says so") {
  test::Batch<> batch;
  batch.add(1, 0, 1.0);
  CHECK(test::error_of([&] { estimate(GreedyBaseline{}, batch); }) ==
        "GreedyBaseline: 0 rewards of greedy answers; expected 1, one a sequence");
}
