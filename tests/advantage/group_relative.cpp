// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/group_relative.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "grove/concepts.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;

static_assert(AdvantageEstimator<GroupRelative<OverGroup>>);
static_assert(AdvantageEstimator<GroupRelative<OverBatch>>);
static_assert(AdvantageEstimator<GroupRelative<Unscaled>>);
static_assert(GroupRelative<>::needs.empty() && GroupRelative<>::needs_groups);

namespace {

using test::check_close;
using test::of_scores;
using test::of_sequences;
using test::Scores;

std::vector<double> one_group(Scores const& scores) { return of_sequences(GroupRelative<>{}, of_scores(scores)); }

}  // namespace

TEST_CASE("groups of six as open-rs's trainer has them") {
  // Unbiased deviation, eps 1e-4; rounded to five places.
  double const m = 5.1e-6;
  check_close(one_group({3, 1, 1, 1, 1, 1}), {2.04099, -0.40820, -0.40820, -0.40820, -0.40820, -0.40820}, m);
  check_close(one_group({3, 3, 3, 1, 1, 1}), {0.91279, 0.91279, 0.91279, -0.91279, -0.91279, -0.91279}, m);
  check_close(one_group({3, 3, 3, 3, 3, 1}), {0.40820, 0.40820, 0.40820, 0.40820, 0.40820, -2.04099}, m);
  check_close(one_group({3, 0, 0, 0, 0, 0}), {2.04107, -0.40821, -0.40821, -0.40821, -0.40821, -0.40821}, m);
  check_close(one_group({3, 3, 1, 1, 0, 0}), {1.21979, 1.21979, -0.24396, -0.24396, -0.97583, -0.97583}, m);
}

TEST_CASE("a group whose rewards are equal has no signal: exactly zero") {
  for (double const value : {0.0, 1.0, 0.1, -1.0 / 3, 1e30}) {
    check_close(one_group(Scores(7, value)), std::vector<double>(7, 0.0), 0.0);
    check_close(of_sequences(GroupRelative<>{.eps = 0}, of_scores<float>(Scores(7, value))),
                std::vector<double>(7, 0.0), 0.0);
    check_close(of_sequences(GroupRelative<OverBatch>{.eps = 0}, of_scores(Scores(7, value))),
                std::vector<double>(7, 0.0), 0.0);
  }
}

TEST_CASE("a group of one has no signal") {
  for (auto const& result : {of_sequences(GroupRelative<OverGroup>{}, of_scores({5.0, 1.0}, {1, 2})),
                             of_sequences(GroupRelative<Unscaled>{}, of_scores({5.0})),
                             of_sequences(GroupRelative<OverBatch>{}, of_scores({5.0, 1.0}, {1, 2})),
                             of_sequences(GroupRelative<>{.eps = 0}, of_scores({5.0}))})
    for (double const advantage : result) CHECK(advantage == 0);
}

TEST_CASE("advantages of a group sum to zero") {
  auto const a = one_group({0.3, -1.5, 2.25, 0.0, 0.7});
  double sum = 0;
  for (double const x : a) sum += x;
  CHECK(sum == Approx(0).margin(1e-14));
}

TEST_CASE("sequences of a group need not lie side by side, and their lengths do not matter") {
  auto const a = one_group({3, 1, 1}), b = one_group({0, 1, 4});
  test::Batch<> mixed;
  mixed.add(4, 9, 0.0);
  mixed.add(1, 2, 3.0);
  mixed.add(7, 9, 1.0);
  mixed.add(0, 2, 1.0);
  mixed.add(2, 2, 1.0);
  mixed.add(1, 9, 4.0);
  check_close(of_sequences(GroupRelative<>{}, mixed), {b[0], a[0], b[1], 0.0, a[2], b[2]},
              1e-15);  // no token in the 4th
}

TEST_CASE("a declined sample counts nowhere and gets no advantage") {
  auto const a = one_group({3, 1, 1});
  auto const some = of_scores({3.0, std::nullopt, 1.0, 1.0, std::nullopt}, {1, 1, 1, 1, 2});
  check_close(of_sequences(GroupRelative<>{}, some), {a[0], 0, a[1], a[2], 0}, 1e-15);
  check_close(of_sequences(GroupRelative<>{}, of_scores({std::nullopt, std::nullopt})), {0, 0}, 0);
  check_close(of_sequences(GroupRelative<OverBatch>{}, of_scores({std::nullopt, std::nullopt})), {0, 0}, 0);
}

TEST_CASE("ddof and eps are options") {
  auto const biased = of_sequences(GroupRelative<>{.ddof = 0, .eps = 0}, of_scores({3.0, 1.0, 1.0, 1.0}, {0, 0, 0, 0}));
  check_close(biased, {1.5 / std::sqrt(0.75), -0.5 / std::sqrt(0.75), -0.5 / std::sqrt(0.75), -0.5 / std::sqrt(0.75)},
              1e-14);
  auto const large_eps = of_sequences(GroupRelative<>{.eps = 1}, of_scores({3.0, 1.0}, {0, 0}));
  check_close(large_eps, {1 / (std::sqrt(2.0) + 1), -1 / (std::sqrt(2.0) + 1)}, 1e-14);
}

TEST_CASE("over the batch, the mean is the group's and the deviation everyone's") {
  auto const result = of_sequences(GroupRelative<OverBatch>{.eps = 0}, of_scores({3.0, 1.0, 10.0, 20.0}, {0, 0, 1, 1}));
  double const deviation = std::sqrt((5.5 * 5.5 + 7.5 * 7.5 + 1.5 * 1.5 + 11.5 * 11.5) / 3);
  check_close(result, {1 / deviation, -1 / deviation, -5 / deviation, 5 / deviation}, 1e-14);
}

TEST_CASE("unscaled, it is the distance to the group's mean") {
  auto const result = of_sequences(GroupRelative<Unscaled>{}, of_scores({3.0, 1.0, 10.0, 20.0}, {0, 0, 1, 1}));
  check_close(result, {1, -1, -5, 5}, 1e-15);
}

TEST_CASE("a reward that is not finite is passed on, within its group only") {
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  for (double const bad : {nan, std::numeric_limits<double>::infinity()}) {
    auto const result = of_sequences(GroupRelative<>{}, of_scores({bad, 1.0, 3.0, 1.0}, {0, 0, 1, 1}));
    CHECK(!std::isfinite(result[0]));
    CHECK(!std::isfinite(result[1]));
    CHECK(std::isfinite(result[2]));
    auto const unscaled = of_sequences(GroupRelative<Unscaled>{}, of_scores({bad, 1.0, 3.0, 1.0}, {0, 0, 1, 1}));
    CHECK(!std::isfinite(unscaled[0]));
  }
}

TEST_CASE("what single tokens earned counts with the reward at the end") {
  test::Batch<> batch;
  batch.add(2, 1, 3.0);
  batch.add(1, 1, 1.0);
  batch.token_reward = {-0.5, -1.0, 0.5};
  check_close(of_sequences(GroupRelative<Unscaled>{}, batch), {0.0, 0.0}, 1e-15);
  batch.token_reward[0] = 0.5;
  check_close(of_sequences(GroupRelative<Unscaled>{}, batch), {0.5, -0.5}, 1e-15);
}

TEST_CASE("options exist where they act, and are refused by name") {
  CHECK(test::option_names(GroupRelative<>{}) == std::vector<std::string>{"ddof", "eps"});
  CHECK(test::option_names(GroupRelative<OverBatch>{}) == std::vector<std::string>{"ddof", "eps"});
  CHECK(test::option_names(GroupRelative<Unscaled>{}).empty());
  CHECK(test::error_of([] { check_options(GroupRelative<>{.eps = -1}); }) ==
        "option eps: is -1.000000; expected at least 0");
  CHECK(test::error_of([] { check_options(GroupRelative<>{.ddof = 2}); }) ==
        "option ddof: is 2.000000; expected between 0 and 1");
  CHECK(test::error_of([] { GroupRelative<>{}.check_group(1); }) ==
        "option num_generations: is 1; expected at least 2; the estimator compares an answer with the others to its "
        "problem");
  GroupRelative<>{}.check_group(2);
}
