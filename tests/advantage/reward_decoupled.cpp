// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/reward_decoupled.hpp"

#include "grove/advantage/group_relative.hpp"
#include "helpers.hpp"

using grove::RewardDecoupled;
using test::check_close;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<RewardDecoupled>);

namespace {

/// Sequences of one token in groups of two, with two rewards each.
test::Batch<> of_rewards(std::vector<std::pair<double, double>> const& scores, std::vector<double> const& weights) {
  test::Batch<> batch;
  batch.rewards = grove::RewardMatrix({"a", "b"}, weights, scores.size());
  for (std::size_t s = 0; s < scores.size(); ++s) {
    batch.rewards(0, s) = scores[s].first;
    batch.rewards(1, s) = scores[s].second;
    batch.add(1, static_cast<std::uint32_t>(s / 2), batch.rewards.combined(s));
  }
  return batch;
}

}  // namespace

TEST_CASE("a reward a hundred times as large does not drown the other") {
  auto const batch = of_rewards({{100, 0}, {0, 1}, {100, 1}, {0, 0}}, {1, 1});
  double const scale = std::sqrt(4.0 / 3);  // sums of two z-scores: 0, 0, sqrt 2, -sqrt 2
  double const z = std::sqrt(2.0) / scale;
  check_close(of_sequences(RewardDecoupled{.eps = 0}, batch), {0, 0, z, -z}, 1e-14);
  auto const summed = of_sequences(grove::GroupRelative<>{.eps = 0}, batch);
  CHECK(summed[0] == Approx(1 / std::sqrt(2.0)));  // which is what GRPO makes of them
}

TEST_CASE("weights are those of the rewards") {
  auto const a = of_sequences(RewardDecoupled{.eps = 0}, of_rewards({{1, 0}, {0, 5}}, {3, 1}));
  CHECK(a[0] > 0);
  CHECK(of_sequences(RewardDecoupled{.eps = 0}, of_rewards({{1, 0}, {0, 5}}, {1, 3}))[0] < 0);
  check_close(of_sequences(RewardDecoupled{.eps = 0}, of_rewards({{1, 0}, {0, 5}}, {2, 2})), {0, 0}, 1e-15);
}

TEST_CASE("rewards of single tokens have no place in it") {
  auto batch = of_rewards({{1, 0}, {0, 1}}, {1, 1});
  batch.token_reward = {0.1, 0.1};
  CHECK(
      test::error_of([&] { estimate(RewardDecoupled{}, batch); }) ==
      "RewardDecoupled: rewards of single tokens are given; expected rewards of whole completions; put the KL into the "
      "loss");
  batch.token_reward.clear();
  batch.rewards = {};
  CHECK_THROWS_AS(test::estimate(RewardDecoupled{}, batch), grove::Error);
}
