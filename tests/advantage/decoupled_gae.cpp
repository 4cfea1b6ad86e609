// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/decoupled_gae.hpp"

#include "grove/advantage/gae.hpp"
#include "helpers.hpp"

using grove::DecoupledGae;
using grove::Gae;
using test::estimate;

static_assert(grove::AdvantageEstimator<DecoupledGae>);

namespace {

test::Batch<> twenty_steps() {
  test::Batch<> batch;
  batch.add(20, 0, 1.0);
  for (int t = 0; t < 20; ++t) batch.value.push_back(0.02 * t * t - 0.1 * t);
  return batch;
}

}  // namespace

TEST_CASE("advantages have one lambda, targets the other") {
  auto const batch = twenty_steps();
  auto const got = estimate(DecoupledGae{.gamma = 0.9, .lambda = 0.5, .lambda_critic = 0.8, .whiten = false}, batch);
  CHECK(got.advantage == estimate(Gae{.gamma = 0.9, .lambda = 0.5, .whiten = false}, batch).advantage);
  CHECK(got.target == estimate(Gae{.gamma = 0.9, .lambda = 0.8, .whiten = false}, batch).target);
}

TEST_CASE("with the default critic's lambda every target is the reward at the end") {
  for (double const target : estimate(DecoupledGae{}, twenty_steps()).target) CHECK(target == Approx(1).epsilon(1e-14));
}

TEST_CASE("each lambda is refused by its name") {
  CHECK(test::error_of([] { check_options(DecoupledGae{.lambda_critic = -0.1}); }) ==
        "option lambda_critic: is -0.100000; expected between 0 and 1");
}
