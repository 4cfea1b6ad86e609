// SPDX-License-Identifier: Apache-2.0
#include "grove/ratio_check.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "support/catch.hpp"

using grove::RatioCheck;
using grove::RatioMonitor;

namespace {

RatioMonitor differences(std::size_t n, double difference) {
  RatioMonitor monitor;
  for (std::size_t i = 0; i < n; ++i) monitor.add(-1.0 + difference, -1.0);
  return monitor;
}

/// The alarm's message, or nothing.
std::string rings(RatioMonitor const& monitor, RatioCheck& limits) {
  grove::Metrics metrics;
  try {
    monitor.check(limits, 3, metrics);
  } catch (grove::RatioAlarm const& e) {
    return e.what();
  }
  return {};
}

std::string rings(RatioMonitor const& monitor, RatioCheck&& limits = {}) { return rings(monitor, limits); }

}  // namespace

TEST_CASE("the report has mean, high percentile, maximum and bias of the differences") {
  RatioMonitor monitor;
  CHECK(monitor.report().tokens == 0);
  for (int i = 1; i <= 2000; ++i) monitor.add(i % 2 ? 1e-6 * i : -1e-6 * i, 0.0);
  auto const r = monitor.report();
  CHECK(r.tokens == 2000);
  CHECK(r.mean == Approx(1e-6 * 1000.5));
  CHECK(r.max == Approx(2e-3));
  CHECK(r.p999 == Approx(1.998e-3).margin(1.1e-6));
  CHECK(r.bias == Approx(-5e-7));
  CHECK(r.stale == 0);
}

TEST_CASE("f32: one token beyond 1e-4 rings") {
  auto monitor = differences(1000, 9e-5);
  CHECK(rings(monitor).empty());
  monitor.add(-1.0, -1.00011);
  CHECK(rings(monitor) ==
        "step 3: sampler and trainer disagree about the log-probs of the sampled tokens: max |difference| 0.000110; "
        "expected at most 0.000100; look for a temperature on one side only, shifted positions, a different BOS or "
        "re-tokenised text");
}

TEST_CASE("a log-prob that is not finite rings in every precision") {
  for (double const bad : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    RatioMonitor monitor;
    monitor.add(bad, -1.0);
    CHECK(!rings(monitor).empty());
    CHECK(!rings(monitor, grove::bf16_ratio_check()).empty());
  }
}

TEST_CASE("bf16: twice the healthy mean of the first step is the limit, and at most 0.08") {
  auto limits = grove::bf16_ratio_check();
  CHECK(rings(differences(100, 0.012), limits).empty());
  CHECK(limits.mean_difference == Approx(0.024));
  CHECK(rings(differences(100, 0.023), limits).empty());
  CHECK(rings(differences(100, 0.025), limits).find("mean |difference| 0.025") != std::string::npos);
  CHECK(limits.mean_difference == Approx(0.024));  // measured once

  auto high = grove::bf16_ratio_check();
  CHECK(rings(differences(100, 0.05), high).empty());
  CHECK(high.mean_difference == 0.08);
  auto broken = grove::bf16_ratio_check();
  CHECK(!rings(differences(100, 0.09), broken).empty());
}

TEST_CASE("bf16: a bias over many tokens rings, over few it does not") {
  auto limits = grove::bf16_ratio_check();
  CHECK(rings(differences(9999, 0.006), limits).empty());
  CHECK(rings(differences(10000, 0.006), limits).find("mean signed") != std::string::npos);
  CHECK(rings(differences(10000, -0.006), limits).find("mean signed") != std::string::npos);
  CHECK(rings(differences(10000, 0.004), limits).empty());
}

TEST_CASE("tokens of another policy version ring whatever their log-probs") {
  RatioMonitor monitor;
  monitor.add_stale(0);
  CHECK(rings(monitor).empty());
  monitor.add_stale(4);
  CHECK(rings(monitor) ==
        "step 3: 4 tokens were sampled by another version of the policy; expected the version that is being trained; "
        "collect after commit(), or declare the staleness in the recipe");
  CHECK(rings(monitor, {.stale_weights = false}).empty());
}

TEST_CASE("a check that does not stop still reports") {
  RatioCheck limits{.stop = false};
  grove::Metrics metrics;
  differences(10, 0.5).check(limits, 1, metrics);
  CHECK(metrics.find("sampling/sampling_logp_difference/mean").value() == Approx(0.5));
  CHECK(metrics.find("sampling/sampling_logp_difference/max").value() == Approx(0.5));
  CHECK(metrics.find("sampling/sampling_logp_difference/p99.9").value() == Approx(0.5));
  CHECK(metrics.find("sampling/stale_tokens") == 0.0);
}
