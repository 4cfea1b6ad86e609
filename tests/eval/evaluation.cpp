// SPDX-License-Identifier: Apache-2.0
#include "grove/eval/evaluation.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "support/catch.hpp"

namespace {

using grove::eval::Attempt;
using grove::eval::Attempts;
using grove::eval::Vote;

/// Each k-element subset of n completions of which the first c are right; the share that holds a right one.
double enumerated_pass_at_k(unsigned n, unsigned c, unsigned k) {
  double subsets = 0, passed = 0;
  for (std::uint32_t subset = 0; subset < (1U << n); ++subset) {
    if (static_cast<unsigned>(__builtin_popcount(subset)) != k) continue;
    ++subsets;
    passed += (subset & ((1U << c) - 1)) != 0 ? 1 : 0;
  }
  return passed / subsets;
}

Attempts one(bool correct) { return {{Attempt{.vote = {.answer = "a", .correct = correct}}}}; }

/// The expectation of `value` over all outcomes of n completions that are right with chance p.
template <class F>
double expectation(unsigned n, double p, F const& value) {
  double sum = 0;
  for (std::uint32_t outcome = 0; outcome < (1U << n); ++outcome) {
    auto const right = static_cast<unsigned>(__builtin_popcount(outcome));
    Attempts problem;
    for (unsigned i = 0; i < n; ++i)
      problem.attempts.push_back({.vote = {.answer = "wrong", .correct = (outcome >> i & 1U) != 0}});
    sum += std::pow(p, right) * std::pow(1 - p, n - right) * value(problem);
  }
  return sum;
}

}  // namespace

TEST_CASE("pass@k is the share of subsets that hold a right completion") {
  for (unsigned n = 1; n <= 9; ++n)
    for (unsigned c = 0; c <= n; ++c)
      for (unsigned k = 1; k <= n; ++k)
        REQUIRE(grove::eval::pass_at_k(n, c, k) == Approx(enumerated_pass_at_k(n, c, k)).margin(1e-12));
}

TEST_CASE("pass@k refuses a k that no subset has") {
  REQUIRE_THROWS_AS(grove::eval::pass_at_k(4, 2, 5), grove::Error);
  REQUIRE_THROWS_AS(grove::eval::pass_at_k(4, 2, 0), grove::Error);
  REQUIRE_THROWS_AS(grove::eval::pass_at_k(4, 5, 1), grove::Error);
}

TEST_CASE("a majority of the right answer earns 1, ties are split") {
  auto const vote = [](std::vector<Vote> const& votes) { return grove::eval::majority(votes); };
  Vote const right{"1/2", true}, right_too{"0.5", true}, a{"a", false}, b{"b", false}, none{"", false};
  REQUIRE(vote({right, right, a}) == 1.0);
  REQUIRE(vote({right, right_too, a}) == 1.0);
  REQUIRE(vote({right, a}) == 0.5);
  REQUIRE(vote({right, a, b}) == Approx(1.0 / 3));
  REQUIRE(vote({right, a, a}) == 0.0);
  REQUIRE(vote({right, none, none, none}) == 1.0);
  REQUIRE(vote({a, a}) == 0.0);
  REQUIRE(vote({none}) == 0.0);
}

TEST_CASE("9 of 30 is 0.300 with a standard error of 0.0851") {
  std::vector<Attempts> problems;
  for (int i = 0; i < 30; ++i) problems.push_back(one(i < 9));
  auto const e = grove::eval::evaluate(problems, {});
  REQUIRE(e.problems == 30);
  REQUIRE(e.n == 1);
  REQUIRE(e.pass_at_1 == Approx(0.3));
  REQUIRE(e.standard_error == Approx(0.0851).margin(5e-5));
  REQUIRE(e.interval.low == Approx(0.1333).margin(0.034));
  REQUIRE(e.interval.high == Approx(0.4667).margin(0.034));
}

TEST_CASE("the standard error is that of the problems' means, not of the completions") {
  std::vector<Attempts> problems(2);
  for (int i = 0; i < 8; ++i) {
    problems[0].attempts.push_back({.vote = {"a", true}});
    problems[1].attempts.push_back({.vote = {"a", false}});
  }
  auto const e = grove::eval::evaluate(problems, std::vector<std::size_t>{1, 4});
  REQUIRE(e.pass_at_1 == Approx(0.5));
  REQUIRE(e.standard_error == Approx(0.5));  // sqrt(0.5) / sqrt(2)
  REQUIRE(e.pass_at_k.at(4) == Approx(0.5));
  REQUIRE(e.majority == Approx(0.5));
}

TEST_CASE("of a policy with known pass rates, the expectations are the known ones") {
  // One wrong answer only, so that the majority is a matter of counting.
  for (double const p : {0.1, 0.5, 0.8}) {
    std::vector<std::size_t> const ks{2, 4};
    auto const all = [&](Attempts const& problem) { return grove::eval::evaluate(std::vector{problem}, ks); };
    CHECK(expectation(5, p, [&](Attempts const& a) { return all(a).pass_at_1; }) == Approx(p));
    CHECK(expectation(5, p, [&](Attempts const& a) { return all(a).pass_at_k.at(2); }) ==
          Approx(1 - std::pow(1 - p, 2)));
    CHECK(expectation(5, p, [&](Attempts const& a) { return all(a).pass_at_k.at(4); }) ==
          Approx(1 - std::pow(1 - p, 4)));
    double const three_or_more = 10 * p * p * p * (1 - p) * (1 - p) + 5 * std::pow(p, 4) * (1 - p) + std::pow(p, 5);
    CHECK(expectation(5, p, [&](Attempts const& a) { return all(a).majority; }) == Approx(three_or_more));
    double const of_two = p * p + 2 * p * (1 - p) * 0.5;
    CHECK(expectation(2, p, [](Attempts const& a) { return grove::eval::evaluate(std::vector{a}, {}).majority; }) ==
          Approx(of_two));
  }
}

TEST_CASE("lengths are averaged over completions, truncation over those of which it is known") {
  std::vector<Attempts> const problems{
      {{{.vote = {"a", true}, .length = 10, .truncated = true}, {.vote = {"a", true}, .length = 20}}},
      {{{.vote = {"a", true}, .length = 60, .truncated = false}}}};
  auto const e = grove::eval::evaluate(problems, {});
  REQUIRE(e.n == 1);
  REQUIRE(e.largest_n == 2);
  REQUIRE(e.mean_length == Approx(30));
  REQUIRE(e.truncated == Approx(0.5));
  REQUIRE_FALSE(grove::eval::evaluate(std::vector{one(true)}, {}).truncated.has_value());
  std::vector<Attempts> many;  // whole numbers are summed up exactly
  for (int i = 0; i < 30; ++i) many.push_back({{{.length = i < 18 ? 10.0 : 9.0, .truncated = i < 9}}});
  REQUIRE(grove::eval::evaluate(many, {}).mean_length == 288.0 / 30);
  REQUIRE(grove::eval::evaluate(many, {}).truncated == 9.0 / 30);
}

TEST_CASE("an evaluation of nothing is an error") {
  REQUIRE_THROWS_AS(grove::eval::evaluate({}, {}), grove::Error);
  REQUIRE_THROWS_AS(grove::eval::evaluate(std::vector<Attempts>{{}}, {}), grove::Error);
  REQUIRE_THROWS_AS(grove::eval::evaluate(std::vector{one(true)}, std::vector<std::size_t>{2}), grove::Error);
}
