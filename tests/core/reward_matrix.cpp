// SPDX-License-Identifier: Apache-2.0
#include "grove/reward_matrix.hpp"

#include <optional>
#include <string>

#include "support/catch.hpp"

using grove::RewardMatrix;

TEST_CASE("recorded scores are weighed as a run weighs them, by name") {
  RewardMatrix recorded({"b", "a"}, {1, 1}, 2);
  recorded(0, 0) = 3;
  recorded(1, 1) = 5;
  auto const weighed = recorded.weighed_as({"a", "b", "c"}, {2, 0.5, 7});
  CHECK(weighed.combined(0) == 1.5);
  CHECK(weighed.combined(1) == 10.0);
  CHECK(weighed(2, 0) == std::nullopt);
  REQUIRE_THROWS_AS(recorded.weighed_as({"a"}, {1}), grove::Error);
}

TEST_CASE("rewards stay apart and add up with their weights") {
  RewardMatrix matrix({"format", "accuracy"}, {1.0, 2.0}, 3);
  CHECK(matrix.rewards() == 2);
  CHECK(matrix.samples() == 3);
  CHECK(matrix.name(1) == "accuracy");
  CHECK(matrix.weight(1) == 2);
  matrix(0, 0) = 1;
  matrix(1, 0) = 0.5;
  matrix(0, 2) = 0;
  CHECK(matrix(0, 0) == 1.0);
  CHECK(matrix(1, 0) == 0.5);
  CHECK(matrix(0, 1) == std::nullopt);
  CHECK(matrix.combined(0) == 2.0);
  CHECK(matrix.combined(1) == std::nullopt);  // declined by all
  CHECK(matrix.combined(2) == 0.0);           // declined by one: the other counts
}

TEST_CASE("a weight of zero and no reward at all") {
  RewardMatrix matrix({"shown"}, {0.0}, 1);
  matrix(0, 0) = 5;
  CHECK(matrix.combined(0) == 0.0);
  CHECK(RewardMatrix({}, {}, 1).combined(0) == std::nullopt);
  CHECK(RewardMatrix().samples() == 0);
}

TEST_CASE("weights must be as many as rewards") {
  std::string message;
  try {
    RewardMatrix({"a", "b"}, {1.0}, 1);
  } catch (grove::Error const& e) {
    message = e.what();
  }
  CHECK(message ==
        "RewardMatrix: 1 weights for 2 rewards; expected one weight a reward; give as many reward weights as rewards");
}
