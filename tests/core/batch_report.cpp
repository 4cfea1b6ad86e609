// SPDX-License-Identifier: Apache-2.0
#include "grove/batch_report.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace grove;

TEST_CASE("a report of a batch: rewards, those that declined, groups without a signal, lengths") {
  Episodes episodes;
  episodes.add(3, 0, false);
  episodes.add(5, 0, true);
  episodes.add(1, 7, false);
  episodes.add(7, 7, false);
  RewardMatrix rewards({"format", "accuracy"}, {1.0, 2.0}, 4);
  rewards(0, 0) = 1;
  rewards(1, 0) = 0;
  rewards(0, 1) = 0;
  rewards(1, 1) = 1;
  rewards(0, 2) = 1;
  rewards(1, 2) = 1;
  rewards(0, 3) = 1;  // as much as the one before: no signal
  rewards(1, 3) = 1;
  CHECK(share_without_signal(rewards, episodes) == 0.5);
  Metrics metrics;
  report_batch(rewards, episodes, metrics);
  auto const of = [&](char const* name) { return metrics.find(name).value(); };
  CHECK(of("reward") == Approx((1.0 + 2 + 3 + 3) / 4));
  CHECK(of("reward_std") == Approx(std::sqrt(2.75 / 3)));
  CHECK(of("frac_reward_zero_std") == 0.5);
  CHECK(of("rewards/format/mean") == 0.75);
  CHECK(of("rewards/accuracy/declined") == 0);
  CHECK(of("completions/mean_length") == 4);
  CHECK(of("completions/min_length") == 1);
  CHECK(of("completions/max_length") == 7);
  CHECK(of("completions/mean_terminated_length") == Approx(11.0 / 3));
  CHECK(of("completions/clipped_ratio") == 0.25);
  CHECK(of("num_tokens") == 16);
}

TEST_CASE("samples that nobody judged are in no group and in no mean") {
  Episodes episodes;
  for (std::uint32_t s = 0; s < 3; ++s) episodes.add(2, 0, false);
  RewardMatrix rewards({"a"}, {1.0}, 3);
  rewards(0, 0) = 1;
  CHECK(share_without_signal(rewards, episodes) == 1);
  rewards(0, 2) = 0;
  CHECK(share_without_signal(rewards, episodes) == 0);
  Metrics metrics;
  report_batch(rewards, episodes, metrics);
  CHECK(metrics.find("rewards/a/declined").value() == 1);
  CHECK(metrics.find("reward").value() == 0.5);
}
