// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/length_adaptive_gae.hpp"

#include "grove/advantage/gae.hpp"
#include "helpers.hpp"

using grove::Gae;
using grove::LengthAdaptiveGae;
using test::estimate;

static_assert(grove::AdvantageEstimator<LengthAdaptiveGae>);

TEST_CASE("lambda grows with the length, from 0 where 1 / alpha tokens are not reached") {
  CHECK(LengthAdaptiveGae{}.lambda(0) == 0);
  CHECK(LengthAdaptiveGae{}.lambda(1) == 0);
  CHECK(LengthAdaptiveGae{}.lambda(20) == 0);
  CHECK(LengthAdaptiveGae{}.lambda(40) == Approx(0.5));
  CHECK(LengthAdaptiveGae{}.lambda(2000) == Approx(0.99));
}

TEST_CASE("each answer has the lambda of its own length, in tokens the policy chose") {
  test::Batch<> batch;
  batch.add(40, 0, 1.0);
  batch.add(100, 1, 0.5);
  batch.episodes.environment = {{45, 65}};
  batch.counts = batch.episodes.chosen();
  for (int t = 0; t < 140; ++t) batch.value.push_back(0.01 * (t % 17));
  auto const got = estimate(LengthAdaptiveGae{.gamma = 0.99, .lambda_critic = 0.9, .whiten = false}, batch);
  auto const first = estimate(Gae{.gamma = 0.99, .lambda = 0.5, .whiten = false}, batch).advantage;
  auto const second = estimate(Gae{.gamma = 0.99, .lambda = 0.75, .whiten = false}, batch).advantage;
  for (std::size_t t = 0; t < 140; ++t) CHECK(got.advantage[t] == Approx(t < 40 ? first[t] : second[t]).margin(1e-14));
  CHECK(got.target == estimate(Gae{.gamma = 0.99, .lambda = 0.9, .whiten = false}, batch).target);
}

TEST_CASE("alpha is refused by name") {
  CHECK(test::error_of([] { check_options(LengthAdaptiveGae{.alpha = 0}); }) ==
        "option alpha: is 0.000000; expected greater than 0");
}
