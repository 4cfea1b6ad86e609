// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/self_test.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/reward/boxed_answer.hpp"
#include "grove/reward/cosine.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/kimi_length.hpp"
#include "grove/reward/named.hpp"
#include "grove/reward/reward_set.hpp"
#include "grove/reward/sum.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using test::asks;

namespace {

/// Right where the text is the gold; cannot judge an empty gold, is wrong about "odd" and breaks at "bad".
struct Same {
  static constexpr std::string_view name = "same";
  std::optional<double> operator()(grove::Problem const& problem, grove::Completion const& completion) const {
    if (problem.gold.empty()) return std::nullopt;
    if (problem.gold == "bad") throw std::runtime_error("no such word");
    return problem.gold != "odd" && completion.text == "<" + problem.gold + ">" ? 1.0 : 0.0;
  }
  std::string gold_completion(grove::Problem const& problem) const { return "<" + problem.gold + ">"; }
};

}  // namespace

TEST_CASE("a self-test names the rows whose gold answer is not right, and why") {
  std::vector<grove::Problem> const problems = {asks("7", 10), asks("", 11), asks("odd", 12), asks("bad", 13)};
  for (auto const& failures :
       {grove::self_test(Same{}, problems), grove::self_test(grove::Sum{grove::OpenRsFormat{}, Same{}}, problems)}) {
    REQUIRE(failures.size() == 3);
    CHECK(failures[0].row == 1);
    CHECK(failures[0].id == 11);
    CHECK(failures[0].reward == "same");
    CHECK(failures[0].cause == "the gold answer cannot be judged");
    CHECK(failures[1].cause.find("the gold answer scores 0.0") == 0);
    CHECK(failures[2].cause == "no such word");
  }
  CHECK(grove::self_test(grove::OpenRsFormat{}, problems).empty());  // it does not say what it takes for right
}

TEST_CASE("rewards of right answers are tested by what they take for right") {
  std::vector<grove::Problem> const problems = {asks("7"), asks("odd")};
  auto const names = [&](auto const& reward) {
    std::string all;
    for (auto const& one : grove::self_test(reward, problems)) all += one.reward + std::to_string(one.row) + " ";
    return all;
  };
  CHECK(names(grove::Cosine<Same>{}) == "cosine1 ");
  CHECK(names(grove::KimiLength<Same>{}) == "length1 ");
  CHECK(names(grove::Named{"mine", Same{}}) == "mine1 ");
  grove::RewardSet set;
  set.add("a", 1, Same{});
  set.add("b", 1, grove::Cosine<Same>{});
  CHECK(names(set) == "a1 b1 ");
  CHECK(names(grove::ExactAnswer{}).empty());
  CHECK(names(grove::BoxedAnswer{}).empty());
}

TEST_CASE("failing rows are counted, named, dropped, and too many of them stop a run") {
  std::vector<grove::Problem> problems;
  for (int i = 0; i < 100; ++i) problems.push_back(asks(i % 10 == 3 ? "odd" : "7", 1000 + i));
  auto const reward = grove::Sum{Same{}, grove::Cosine<Same>{}};
  auto const failures = grove::self_test(reward, problems, 3);
  REQUIRE(failures.size() == 20);
  CHECK(grove::failing_rows(failures) == 10);
  auto const text = grove::summary(failures, problems.size(), 3);
  CHECK(text.find("10 of 100 gold answers fail") == 0);
  CHECK(text.find("row 3 (problem 1003), same: ") != std::string::npos);
  CHECK(text.find("and 17 more") != std::string::npos);
  CHECK(grove::summary({}, 100).empty());

  CHECK_NOTHROW(grove::require_few(failures, problems.size(), 0.1));
  CHECK_NOTHROW(grove::require_few({}, 0, 0));
  try {
    grove::require_few(failures, problems.size(), 0.09);
    FAIL("10 % are more than 9 %");
  } catch (grove::Error const& e) {
    CHECK(std::string(e.what()).find(
              "10 of 100 gold answers fail against themselves, first row 3 (problem 1003), same") != std::string::npos);
  }
  auto const kept = grove::without_failures(problems, failures);
  REQUIRE(kept.size() == 90);
  CHECK(grove::self_test(reward, kept).empty());
  CHECK(kept[3].id == 1004);
}
