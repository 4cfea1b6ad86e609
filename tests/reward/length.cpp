// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/length.hpp"

#include "grove/concepts.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using test::asks;
using test::says;

static_assert(grove::Reward<grove::LengthBudget>);

TEST_CASE("a completion within its budget of tokens scores 1, and less from there to the limit") {
  grove::LengthBudget const reward{.budget = 10, .limit = 20};
  CHECK(reward(asks(""), says("", 0)) == 1);
  CHECK(reward(asks(""), says("any text, it is tokens that count", 10)) == 1);
  CHECK(reward(asks(""), says("", 11)) == Approx(0.9));
  CHECK(reward(asks(""), says("", 15)) == Approx(0.5));
  CHECK(reward(asks(""), says("", 20)) == 0);
  CHECK(reward(asks(""), says("", 2000)) == 0);
}

TEST_CASE("a limit at the budget makes a step") {
  for (std::size_t const limit : {10, 0}) {
    grove::LengthBudget const reward{.budget = 10, .limit = limit};
    CHECK(reward(asks(""), says("", 10)) == 1);
    CHECK(reward(asks(""), says("", 11)) == 0);
  }
}
