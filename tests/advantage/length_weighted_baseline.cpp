// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/length_weighted_baseline.hpp"

#include "helpers.hpp"

using grove::LengthWeightedBaseline;
using test::check_close;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<LengthWeightedBaseline>);

TEST_CASE("long answers weigh more in the baseline") {
  test::Batch<> batch;
  batch.add(1, 0, 4.0);
  batch.add(3, 0, 0.0);
  check_close(of_sequences(LengthWeightedBaseline{}, batch), {3, -1}, 1e-15);
}

TEST_CASE("tokens of the environment have no weight, nor has an empty answer") {
  test::Batch<> batch;
  batch.add(5, 0, 4.0);
  batch.add(3, 0, 0.0);
  batch.add(0, 0, 100.0);
  batch.episodes.environment = {{1, 5}};
  check_close(of_sequences(LengthWeightedBaseline{}, batch), {3, -1, 0}, 1e-15);
}

TEST_CASE("equal rewards give exactly nothing") {
  test::Batch<> batch;
  for (std::size_t const length : {3, 1, 7}) batch.add(length, 0, 0.1);
  check_close(of_sequences(LengthWeightedBaseline{}, batch), {0, 0, 0}, 0);
}
