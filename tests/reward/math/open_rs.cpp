// SPDX-License-Identifier: Apache-2.0
// Accuracy and cosine on completions and gold answers, with values measured with open-rs's functions.
#include <optional>
#include <string>
#include <vector>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_strict.hpp"
#include "grove/reward/cosine.hpp"
#include "grove/reward/math_answer.hpp"
#include "grove/reward/score_batch.hpp"
#include "reward/helpers.hpp"
#include "support/catch.hpp"

using grove::MathAnswer;
using grove::math::CompatibleOpenRs;
using grove::math::Strict;
using test::asks;
using test::says;

namespace {

struct Row {
  char const* completion;
  char const* gold;
  double accuracy;
  std::optional<double> right;  ///< for the cosine reward; none: the gold cannot be read, 1 whatever the length
};

std::vector<Row> const rows = {
    {"\\boxed{42}", "$42$", 1, 1},
    {"\\boxed{42}", "\\boxed{42}", 1, 1},
    {"\\boxed{42}", "$\\boxed{42}$", 1, 1},
    {"\\boxed{\\frac{63}{400}}", "\\frac{63}{400}", 1, 1},
    {"\\boxed{\\frac{64}{400}}", "\\frac{63}{400}", 0, 0},
    {"\\boxed{3}", "6", 1, std::nullopt},
    {"\\boxed{3}", "", 1, std::nullopt},
    {"\\boxed{3}", "the answer is six", 1, std::nullopt},
    {"The answer is 42.", "$42$", 0, 0},
    {"So $x=42$.", "$42$", 0, 0},
    {"Final answer: $42$", "$42$", 1, 1},
    {"The final answer is $42$. I hope it is correct", "$42$", 1, 1},
    {"first \\boxed{42} then \\boxed{41}", "$42$", 0, 0},
    {"\\boxed{0.5}", "$\\frac{1}{2}$", 1, 1},
    {"\\boxed{1/2}", "$\\frac{1}{2}$", 1, 1},
    {"\\boxed{\\frac12}", "$\\frac{1}{2}$", 0, 0},
    {"\\boxed{\\sqrt2}", "$\\sqrt{2}$", 0, 0},
    {"\\boxed{0.333333}", "$\\frac{1}{3}$", 1, 1},
    {"\\boxed{0.3333}", "$\\frac{1}{3}$", 0, 0},
    {"\\boxed{x=5}", "$5$", 1, 1},
    {"\\boxed{5}", "$x=5$", 1, 1},
    {"\\boxed{5\\text{ cm}}", "$5$", 1, 1},
    {"\\boxed{90^\\circ}", "$90$", 1, 1},
    {"\\boxed{\\$5}", "$5$", 1, 1},
    {"\\boxed{50\\%}", "$0.5$", 1, 1},
    {"\\boxed{1,000}", "$1000$", 1, 1},
    {"\\boxed{1{,}000}", "$1000$", 1, 1},
    {"\\boxed{1e3}", "$1000$", 0, 0},
    {"\\boxed{2,1}", "$1,2$", 1, 1},
    {"\\boxed{1,2}", "$(1,2)$", 1, 1},
    {"\\boxed{1 \\text{ and } 2}", "$1,2$", 1, 1},
    {"\\boxed{1<x<2}", "$(1,2)$", 1, 1},
    {"\\boxed{(1,2)}", "$1<x<2$", 0, 0},
    {"\\boxed{\\pi}", "$3.14159$", 0, 0},
    {"\\boxed{2^{10}}", "$1024$", 1, 1},
    {"\\boxed{x+1}", "$1+x$", 1, 1},
    {"\\[\\boxed{\\text{Friday}}\\]", "$\\text{Friday}$", 1, 0},
    {"$f(x)=\\boxed{x^2} \\text{ for all } x$", "$x^2$", 1, 0},
    {"\\boxed{42", "$42$", 0, 0},
    {"\\boxed{}", "$42$", 0, 0},
    {"", "$42$", 0, 0},
    // Two values that were measured with Math-Verify 0.5.2 as 1 and 0. Math-Verify 0.9, which the policy follows, takes
    // two boxes for a set, and 50 % for 50 as well as for 0.5.
    {"first \\boxed{41} then \\boxed{42}", "$42$", 0, 0},
    {"\\boxed{50\\%}", "$50$", 1, 1},
};

/// The call of open-rs's cosine reward leaves boxes inside other environments as they are.
CompatibleOpenRs as_cosine_calls_it() {
  CompatibleOpenRs policy;
  policy.answer.targets.latex->normalization.boxed = grove::math::BoxMode::None;
  return policy;
}

}  // namespace

TEST_CASE("accuracy as open-rs measures it") {
  MathAnswer<CompatibleOpenRs> const accuracy({}, 1.0);
  for (auto const& row : rows) {
    INFO(row.completion << " against " << row.gold);
    CHECK(accuracy(asks(row.gold), says(row.completion)).value() == row.accuracy);
  }
}

TEST_CASE("cosine as open-rs measures it") {
  using Cosine = grove::Cosine<MathAnswer<CompatibleOpenRs>>;
  auto const cosine = Cosine::open_rs(MathAnswer<CompatibleOpenRs>(as_cosine_calls_it()), 3584);
  for (auto const& row : rows) {
    INFO(row.completion << " against " << row.gold);
    auto const value = cosine(asks(row.gold), says(row.completion)).value();
    // Short completions: a right one is near 1, a wrong one near 0 with the script's values.
    CHECK(value == Approx(row.right.value_or(1.0)).margin(1e-3));
    if (!row.right) CHECK(value == 1.0);
  }
}

TEST_CASE("what training should use declines a gold without a meaning and counts what it cannot read") {
  MathAnswer<Strict> const accuracy;
  CHECK(accuracy(asks("$\\frac{1}{2}$"), says("so \\boxed{0.5}")) == 1);
  CHECK(accuracy(asks("1/2"), says("so \\boxed{0.4}")) == 0);
  CHECK(!accuracy(asks("1/2"), says("so \\boxed{0.4}")).unparsed);
  auto const nothing = accuracy(asks("1/2"), says("no answer"));
  CHECK(nothing == 0);
  CHECK(nothing.unparsed);
  CHECK(accuracy(asks(""), says("\\boxed{1}")) == std::nullopt);
}

TEST_CASE("a gold judged against itself is right") {
  MathAnswer<Strict> const accuracy;
  for (auto const* gold : {"$\\frac{1}{2}$", "1/2", "\\boxed{7}", "We get \\boxed{x^2}.", "$$3$$"}) {
    INFO(gold);
    CHECK(accuracy(asks(gold), says(accuracy.gold_completion(asks(gold)))) == 1);
  }
}

TEST_CASE("threads share a verifier and agree") {
  test::Answers answers;
  for (std::size_t i = 0; i < 400; ++i) {
    auto const& row = rows[i % rows.size()];
    answers.add(asks(row.gold, i), says(row.completion, 1));
  }
  MathAnswer<CompatibleOpenRs> const accuracy({}, 1.0);
  auto const matrix = grove::score_batch(accuracy, answers, 4);
  for (std::size_t i = 0; i < 400; ++i) REQUIRE(matrix(0, i) == rows[i % rows.size()].accuracy);
}
