// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/signal_scaled.hpp"

#include "helpers.hpp"

using grove::SignalScaled;
using test::check_close;
using test::of_scores;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<SignalScaled>);

TEST_CASE("samples with a signal stand for those without") {
  // Two of six samples have none: alpha = 6 / 4.
  check_close(of_sequences(SignalScaled{}, of_scores({1.0, 0.0, 1.0, 1.0, 0.0, 2.0}, {0, 0, 1, 1, 2, 2})),
              {0.75, -0.75, 0, 0, -1.5, 1.5}, 1e-15);
  check_close(of_sequences(SignalScaled{.f_norm = 3}, of_scores({1.0, 0.0})), {0.5 / 3, -0.5 / 3}, 1e-15);
}

TEST_CASE("where the rewards' zero lies does not matter, unlike in verl") {
  check_close(of_sequences(SignalScaled{}, of_scores({1.0, 0.0, 0.0, 0.0}, {0, 0, 1, 1})),
              of_sequences(SignalScaled{}, of_scores({3.0, 2.0, 2.0, 2.0}, {0, 0, 1, 1})), 1e-15);
}

TEST_CASE("no signal at all is no advantage") {
  check_close(of_sequences(SignalScaled{}, of_scores({1.0, 1.0, 0.0, 0.0}, {0, 0, 1, 1})), {0, 0, 0, 0}, 0);
}

TEST_CASE("a norm of zero is refused by name") {
  CHECK(test::error_of([] { check_options(SignalScaled{.f_norm = 0}); }) ==
        "option f_norm: is 0.000000; expected greater than 0");
}
