// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/exact_answer.hpp"

#include <optional>
#include <string>

#include "grove/concepts.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using test::asks;
using test::says;

static_assert(grove::Reward<grove::ExactAnswer>);
static_assert(grove::last_answer("<answer>4</answer>") == "4");

TEST_CASE("the last complete answer counts, without white space around it") {
  auto const score = [](std::string text, std::string gold = "42") {
    return grove::ExactAnswer{}(asks(std::move(gold)), says(std::move(text)));
  };
  CHECK(score("<answer>42</answer>") == 1);
  CHECK(score("so <answer> \n42\t</answer> it is") == 1);
  CHECK(score("<answer>41</answer><answer>42</answer>") == 1);
  CHECK(score("<answer>42</answer><answer>41</answer>") == 0);
  CHECK(score("<answer>42</answer><answer>41") == 1);   // the last one is not complete
  CHECK(score("<answer>41<answer>42</answer>") == 1);   // the innermost pair
  CHECK(score("<answer>42</answer>41</answer>") == 1);  // ends at the first closing tag
  CHECK(score("</answer>42<answer>") == 0);
  CHECK(score("42") == 0);
  CHECK(score("") == 0);
  CHECK(score("<answer>4 2</answer>") == 0);
  CHECK(score("<answer>42.0</answer>") == 0);
  CHECK(score("<answer></answer>") == 0);
  CHECK(score("<answer>42</answer>", " 42\n") == 1);
}

TEST_CASE("a problem without a gold answer is declined, not marked right or wrong") {
  CHECK(grove::ExactAnswer{}(asks(""), says("<answer></answer>")) == std::nullopt);
  CHECK(grove::ExactAnswer{}(asks(" "), says("<answer>1</answer>")) == std::nullopt);
}

TEST_CASE("the tags of an answer are options") {
  grove::ExactAnswer const reward{.open = "\\boxed{", .close = "}"};
  CHECK(reward(asks("7"), says("thus \\boxed{7}.")) == 1);
  CHECK(reward(asks("7"), says("<answer>7</answer>")) == 0);
}
