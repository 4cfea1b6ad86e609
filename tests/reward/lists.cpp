// SPDX-License-Identifier: Apache-2.0
// Sum, RewardSet and Named: several rewards as one.
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "grove/reward/exact_answer.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/length.hpp"
#include "grove/reward/named.hpp"
#include "grove/reward/reward_set.hpp"
#include "grove/reward/score_batch.hpp"
#include "grove/reward/sum.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using grove::ExactAnswer;
using grove::Named;
using grove::OpenRsFormat;
using grove::RewardSet;
using grove::Sum;
using grove::weighted;
using test::asks;
using test::says;

namespace {

/// A reward without a name that says nothing of empty completions.
struct Politeness {
  std::optional<double> operator()(grove::Problem const&, grove::Completion const& c) const {
    if (c.text.empty()) return std::nullopt;
    return c.text.find("please") != c.text.npos ? 1.0 : 0.0;
  }
};

/// Returns a type that only converts to a score, and cannot be copied cheaply by accident.
struct Shared {
  std::shared_ptr<int> value;
  static constexpr std::string_view name = "shared";
  int operator()(grove::Problem const&, grove::Completion const&) const { return *value; }
};

using Two = Sum<OpenRsFormat, ExactAnswer>;
static_assert(grove::RewardList<Two>);
static_assert(grove::RewardList<RewardSet>);
static_assert(!grove::Reward<Two> && !grove::Reward<RewardSet>);
static_assert(grove::Reward<Named<Politeness>>);
static_assert(!grove::RewardList<ExactAnswer>);
static_assert(std::same_as<decltype(Sum{OpenRsFormat{}, weighted(2.0, ExactAnswer{})}), Two>);

std::string message_of(auto const& f) {
  try {
    f();
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a Sum keeps its rewards apart, with their names and weights") {
  Sum const sum{OpenRsFormat{}, weighted(2.0, ExactAnswer{}), weighted(-0.5, Named{"polite", Politeness{}})};
  REQUIRE(sum.size() == 3);
  CHECK(sum.name(0) == "format");
  CHECK(sum.name(1) == "exact_answer");
  CHECK(sum.name(2) == "polite");
  CHECK(sum.weight(0) == 1);
  CHECK(sum.weight(1) == 2);
  CHECK(sum.weight(2) == -0.5);
  auto const problem = asks("4");
  auto const completion = says("hm\n</think>\n<answer>5</answer> please");
  CHECK(sum.score(0, problem, completion) == 1);
  CHECK(sum.score(1, problem, completion) == 0);
  CHECK(sum.score(2, problem, completion) == 1);
  CHECK(sum.score(2, problem, says("")) == std::nullopt);
}

TEST_CASE("a Sum is a value: copies score alike and one of a single reward is not confused with a copy") {
  Sum one{weighted(3.0, ExactAnswer{})};
  Sum copy = one;
  static_assert(std::same_as<decltype(copy), Sum<ExactAnswer>>);
  CHECK(copy.weight(0) == 3);
  CHECK(copy.score(0, asks("1"), says("<answer>1</answer>")) == 1);
}

TEST_CASE("a RewardSet scores as the Sum of the same rewards") {
  RewardSet set;
  set.add("format", 1.0, OpenRsFormat{});
  set.add("exact_answer", 2.0, ExactAnswer{});
  Sum const sum{OpenRsFormat{}, weighted(2.0, ExactAnswer{})};
  test::Answers answers;
  answers.add(asks("4"), says("a\n</think>\n<answer>4</answer>", 3));
  answers.add(asks("4"), says("<answer>5</answer>", 2));
  answers.add(asks(""), says("a\n</think>\nb", 1));
  auto const a = grove::score_batch(set, answers), b = grove::score_batch(sum, answers);
  REQUIRE(a.rewards() == 2);
  REQUIRE(a.samples() == 3);
  for (std::size_t r = 0; r < 2; ++r) {
    CHECK(a.name(r) == b.name(r));
    CHECK(a.weight(r) == b.weight(r));
    for (std::size_t i = 0; i < 3; ++i) CHECK(a(r, i) == b(r, i));
  }
  CHECK(a.combined(0) == 3);
  CHECK(a.combined(1) == 0);
  CHECK(a.combined(2) == 1);
  CHECK(a(1, 2) == std::nullopt);
}

TEST_CASE("a RewardSet takes lambdas and rewards that return other numbers") {
  RewardSet set;
  set.add("constant", 1.0, [](grove::Problem const&, grove::Completion const&) { return 0.25f; });
  set.add("shared", 1.0, Shared{std::make_shared<int>(3)});
  CHECK(set.score(0, asks(""), says("")) == 0.25);
  CHECK(set.score(1, asks(""), says("")) == 3);
  auto const copy = set;
  CHECK(copy.score(1, asks(""), says("")) == 3);
}

TEST_CASE("two rewards of one name and weights that are no numbers are refused") {
  auto const same = "two rewards are called format; expected a name for each; wrap one in Named{\"...\", reward}";
  CHECK(message_of([] { Sum(OpenRsFormat{}, OpenRsFormat{}); }) == std::string("Sum: ") + same);
  CHECK_NOTHROW(Sum(OpenRsFormat{}, Named{"other", OpenRsFormat{}}));
  RewardSet set;
  set.add("format", 1.0, OpenRsFormat{});
  CHECK(message_of([&] { set.add("format", 1.0, OpenRsFormat{}); }) == std::string("RewardSet: ") + same);
  auto const infinity = std::numeric_limits<double>::infinity();
  CHECK(message_of([&] { set.add("exact_answer", infinity, ExactAnswer{}); }) ==
        "RewardSet: the weight of exact_answer is inf; expected a finite number");
  CHECK(message_of([&] { Sum(weighted(infinity, ExactAnswer{})); }) ==
        "Sum: the weight of exact_answer is inf; expected a finite number");
  CHECK(set.size() == 1);
}

TEST_CASE("a reward is called by its name, else reward") {
  CHECK(grove::name_of(ExactAnswer{}) == "exact_answer");
  CHECK(grove::name_of(Named{"mine", ExactAnswer{}}) == "mine");
  CHECK(grove::name_of(Politeness{}) == "reward");
  CHECK(grove::name_of(Shared{}) == "shared");
}
