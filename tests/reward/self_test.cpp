// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/self_test.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "grove/reward/format.hpp"
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
