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
#include "support/catch.hpp"

using namespace grove;

static_assert(AdvantageEstimator<GroupRelative<OverGroup>>);
static_assert(AdvantageEstimator<GroupRelative<OverBatch>>);
static_assert(AdvantageEstimator<GroupRelative<Unscaled>>);
static_assert(GroupRelative<>::needs.empty() && GroupRelative<>::needs_groups);

namespace {

using Scores = std::vector<std::optional<double>>;

struct Result {
  std::vector<double> advantage;  ///< a sequence
  Metrics metrics;
};

/// Advantages of sequences with the given rewards, groups and lengths (1 each unless given).
template <class T = double, class Estimator>
Result advantages(Estimator const& estimator, Scores const& scores, std::vector<std::uint32_t> const& groups,
                  std::vector<std::size_t> lengths = {}) {
  lengths.resize(scores.size(), 1);
  Episodes episodes;
  std::vector<T> reward;
  std::vector<std::uint8_t> valid;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    episodes.add(lengths[s], groups[s], false);
    reward.push_back(static_cast<T>(scores[s].value_or(-99)));  // must not be read where it is declined
    valid.push_back(scores[s].has_value());
  }
  std::vector<T> column(episodes.tokens());
  Result result;
  RewardMatrix const matrix;
  estimator(EstimatorInput<T>{episodes, matrix, reward, valid, {}, {}, {}},
            EstimatorOutput<T>{column, {}, result.metrics});
  for (std::size_t s = 0; s < scores.size(); ++s) {
    auto const begin = episodes.cu_seqlens[s], end = episodes.cu_seqlens[s + 1];
    for (auto t = begin; t < end; ++t)
      REQUIRE((column[t] == column[begin] || (std::isnan(column[t]) && std::isnan(column[begin]))));
    result.advantage.push_back(begin < end ? static_cast<double>(column[begin]) : 0.0);
  }
  return result;
}

std::vector<double> one_group(Scores const& scores) {
  return advantages(GroupRelative<>{}, scores, std::vector<std::uint32_t>(scores.size(), 7)).advantage;
}

void check_close(std::vector<double> const& got, std::vector<double> const& want, double margin) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(want[i]).margin(margin));
}

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
    auto const in_float =
        advantages<float>(GroupRelative<>{.eps = 0}, Scores(7, value), std::vector<std::uint32_t>(7, 0));
    check_close(in_float.advantage, std::vector<double>(7, 0.0), 0.0);
  }
}

TEST_CASE("a group of one has no signal") {
  for (auto const& result :
       {advantages(GroupRelative<OverGroup>{}, {5.0, 1.0}, {1, 2}), advantages(GroupRelative<Unscaled>{}, {5.0}, {1}),
        advantages(GroupRelative<OverBatch>{}, {5.0, 1.0}, {1, 2}), advantages(GroupRelative<>{.eps = 0}, {5.0}, {1})})
    for (double const advantage : result.advantage) CHECK(advantage == 0);
}

TEST_CASE("advantages of a group sum to zero") {
  auto const a = one_group({0.3, -1.5, 2.25, 0.0, 0.7});
  double sum = 0;
  for (double const x : a) sum += x;
  CHECK(sum == Approx(0).margin(1e-14));
}

TEST_CASE("sequences of a group need not lie side by side, and their lengths do not matter") {
  auto const a = one_group({3, 1, 1}), b = one_group({0, 1, 4});
  auto const mixed = advantages(GroupRelative<>{}, {0.0, 3.0, 1.0, 1.0, 1.0, 4.0}, {9, 2, 9, 2, 2, 9}, {4, 1, 7, 0, 2});
  check_close(mixed.advantage, {b[0], a[0], b[1], 0.0, a[2], b[2]}, 1e-15);  // the fourth has no token to hold it
}

TEST_CASE("a declined sample counts nowhere and gets no advantage") {
  auto const a = one_group({3, 1, 1});
  auto const result = advantages(GroupRelative<>{}, {3.0, std::nullopt, 1.0, 1.0, std::nullopt}, {1, 1, 1, 1, 2});
  check_close(result.advantage, {a[0], 0, a[1], a[2], 0}, 1e-15);
  auto const none = advantages(GroupRelative<>{}, {std::nullopt, std::nullopt}, {1, 1});
  check_close(none.advantage, {0, 0}, 0);
  CHECK(none.metrics.find("frac_reward_zero_std") == 0.0);
  CHECK(none.metrics.find("reward_std") == 0.0);
}

TEST_CASE("ddof and eps are options") {
  auto const biased = advantages(GroupRelative<>{.ddof = 0, .eps = 0}, {3.0, 1.0, 1.0, 1.0}, {0, 0, 0, 0});
  check_close(biased.advantage,
              {1.5 / std::sqrt(0.75), -0.5 / std::sqrt(0.75), -0.5 / std::sqrt(0.75), -0.5 / std::sqrt(0.75)}, 1e-14);
  auto const large_eps = advantages(GroupRelative<>{.eps = 1}, {3.0, 1.0}, {0, 0});
  check_close(large_eps.advantage, {1 / (std::sqrt(2.0) + 1), -1 / (std::sqrt(2.0) + 1)}, 1e-14);
}

TEST_CASE("over the batch, the mean is the group's and the deviation everyone's") {
  auto const result = advantages(GroupRelative<OverBatch>{.eps = 0}, {3.0, 1.0, 10.0, 20.0}, {0, 0, 1, 1});
  double const deviation = std::sqrt((5.5 * 5.5 + 7.5 * 7.5 + 1.5 * 1.5 + 11.5 * 11.5) / 3);
  check_close(result.advantage, {1 / deviation, -1 / deviation, -5 / deviation, 5 / deviation}, 1e-14);
}

TEST_CASE("unscaled, it is the distance to the group's mean") {
  auto const result = advantages(GroupRelative<Unscaled>{}, {3.0, 1.0, 10.0, 20.0}, {0, 0, 1, 1});
  check_close(result.advantage, {1, -1, -5, 5}, 1e-15);
}

TEST_CASE("the spread of rewards and the share of samples without signal are reported") {
  auto const result = advantages(GroupRelative<>{}, {1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0}, {0, 0, 1, 1, 2, 2, 2});
  CHECK(result.metrics.find("frac_reward_zero_std").value() == Approx(5.0 / 7));
  CHECK(result.metrics.find("reward_std").value() ==
        Approx(std::sqrt((6.0 / 7) / 6)));  // variance 1/7, over all samples
}

TEST_CASE("a reward that is not finite is passed on, within its group only") {
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  for (double const bad : {nan, std::numeric_limits<double>::infinity()}) {
    auto const result = advantages(GroupRelative<>{}, {bad, 1.0, 3.0, 1.0}, {0, 0, 1, 1});
    CHECK(!std::isfinite(result.advantage[0]));
    CHECK(!std::isfinite(result.advantage[1]));
    CHECK(std::isfinite(result.advantage[2]));
    auto const unscaled = advantages(GroupRelative<Unscaled>{}, {bad, 1.0, 3.0, 1.0}, {0, 0, 1, 1});
    CHECK(!std::isfinite(unscaled.advantage[0]));
  }
}

TEST_CASE("running moments are those of the definition") {
  RunningMoments moments;
  CHECK(moments.mean() == 0);
  CHECK(moments.deviation(0) == 0);
  for (double const x : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) moments.add(x);
  CHECK(moments.count() == 8);
  CHECK(moments.mean() == Approx(5));
  CHECK(moments.deviation(0) == Approx(2));
  CHECK(moments.deviation(1) == Approx(std::sqrt(32.0 / 7)));
  CHECK(moments.deviation(8) == 0);
  RunningMoments far;
  for (double const x : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) far.add(x);
  CHECK(far.deviation(1) == Approx(std::sqrt(30.0)).epsilon(1e-9));
}
