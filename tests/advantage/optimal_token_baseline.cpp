// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/optimal_token_baseline.hpp"

#include <cmath>

#include "helpers.hpp"

using grove::OptimalTokenBaseline;
using test::check_close;
using test::estimate;

static_assert(grove::AdvantageEstimator<OptimalTokenBaseline>);
static_assert(OptimalTokenBaseline::needs.contains(grove::Column::SumSquares));

namespace {

/// Two answers of one and two tokens; squared norms of the tokens' gradients 1/2, 1/4 and 1/2.
test::Batch<> two_answers() {
  test::Batch<> batch;
  batch.add(1, 0, 1.0);
  batch.add(2, 0, 0.0);
  batch.log_prob.assign(3, std::log(0.5));
  batch.sum_squares = {0.5, 0.25, 0.5};
  return batch;
}

}  // namespace

TEST_CASE("baselines by hand") {
  auto batch = two_answers();
  // Position 0: (1 * 1/2 + 0 * 1/4) / (3/4). Position 1 has the second answer only.
  check_close(estimate(OptimalTokenBaseline{}, batch).advantage, {1.0 / 3, -2.0 / 3, 0}, 1e-15);
  check_close(estimate(OptimalTokenBaseline{.leave_one_out = true}, batch).advantage, {1, -1, 0}, 1e-15);
  batch.reward[1] = 3;
  check_close(estimate(OptimalTokenBaseline{}, batch).advantage, {1 - 5.0 / 3, 3 - 5.0 / 3, 3}, 1e-15);
  check_close(estimate(OptimalTokenBaseline{.handle_zero_tail = false}, batch).advantage, {1 - 5.0 / 3, 3 - 5.0 / 3, 0},
              1e-15);
}

TEST_CASE("without any gradient the baseline is the mean") {
  auto batch = two_answers();
  batch.log_prob.assign(3, 0.0);
  batch.sum_squares.assign(3, 1.0 - 1e-17);
  check_close(estimate(OptimalTokenBaseline{}, batch).advantage, {0.5, -0.5, 0}, 1e-15);
}

TEST_CASE("equal rewards give exactly nothing where others are; one answer gets nothing") {
  test::Batch<> batch;
  for (std::size_t const length : {3, 3, 2}) batch.add(length, 0, 0.1);
  batch.add(2, 1, 5.0);
  for (std::size_t t = 0; t < 10; ++t) {
    batch.log_prob.push_back(-0.1 * static_cast<double>(t + 1));
    batch.sum_squares.push_back(0.9);
  }
  check_close(estimate(OptimalTokenBaseline{}, batch).advantage, std::vector<double>(10, 0.0), 0);
  check_close(estimate(OptimalTokenBaseline{.leave_one_out = true}, batch).advantage, std::vector<double>(10, 0.0), 0);
}

TEST_CASE("missing columns are named") {
  auto batch = two_answers();
  batch.sum_squares.clear();
  CHECK(test::error_of([&] { estimate(OptimalTokenBaseline{}, batch); }) ==
        "OptimalTokenBaseline: 3 log-probs and 0 sums of squares; expected 3 of each, one a token");
}
