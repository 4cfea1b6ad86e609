// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/pass_at_k_relative.hpp"

#include <numeric>

#include "grove/advantage/group_relative.hpp"
#include "helpers.hpp"

using grove::PassAtKRelative;
using test::check_close;
using test::of_scores;
using test::of_sequences;

static_assert(grove::AdvantageEstimator<PassAtKRelative>);

TEST_CASE("four answers, one right, in pairs") {
  // Of the six pairs three hold the right one: R = 1/2, sigma = 1/2. A wrong one's three pairs: two lack the right one.
  check_close(of_sequences(PassAtKRelative{.k = 2}, of_scores({1.0, 0.0, 0.0, 0.0})), {1, -1.0 / 3, -1.0 / 3, -1.0 / 3},
              1e-15);
}

TEST_CASE("k = 1 is GRPO with the biased deviation and no eps") {
  test::Scores const scores = {1.0, 0.0, 0.0, 1.0, 1.0};
  check_close(of_sequences(PassAtKRelative{.k = 1}, of_scores(scores)),
              of_sequences(grove::GroupRelative<>{.ddof = 0, .eps = 0}, of_scores(scores)), 1e-14);
}

TEST_CASE("however many are right, the advantages for groups of k sum to zero") {
  for (std::size_t k = 1; k <= 6; ++k)
    for (std::size_t right = 0; right <= 6; ++right) {
      test::Scores scores(6, 0.0);
      std::fill_n(scores.begin(), right, 1.0);
      auto const a = of_sequences(PassAtKRelative{.k = k}, of_scores(scores));
      CHECK(std::accumulate(a.begin(), a.end(), 0.0) == Approx(0).margin(1e-14));
      if (right + k > 6) check_close(a, std::vector<double>(6, 0.0), 0);  // no group of k without a right one
    }
}

TEST_CASE("right is what exceeds the threshold; a k beyond the judged answers is their number") {
  check_close(of_sequences(PassAtKRelative{.k = 1, .threshold = 2}, of_scores({3.0, 2.0})), {1, -1}, 1e-15);
  check_close(of_sequences(PassAtKRelative{.k = 3}, of_scores({1.0, std::nullopt, 0.0})), {0, 0, 0}, 0);
}

TEST_CASE("k is refused by name and legal range") {
  CHECK(test::error_of([] { PassAtKRelative{.k = 8}.check_group(4); }) ==
        "option k: is 8; expected between 1 and num_generations, 4");
  CHECK(test::error_of([] { check_options(PassAtKRelative{.k = 0}); }) == "option k: is 0.000000; expected at least 1");
  PassAtKRelative{.k = 4}.check_group(4);
  CHECK_THROWS_AS(PassAtKRelative{.k = 1}.check_group(1), grove::Error);
}
