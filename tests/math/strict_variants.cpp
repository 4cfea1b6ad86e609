// SPDX-License-Identifier: Apache-2.0
// Ways of writing answers of every kind, each with what a mathematician says of it: lines of `1 or 0, gold, answer`,
// an answer behind @ being a whole completion.
#include <fstream>
#include <string>

#include "grove/math/policy_strict.hpp"
#include "support/catch.hpp"

namespace {

using namespace grove::math;

TEST_CASE("strict: ways of writing answers") {
  std::ifstream file(std::string(GROVE_TEST_DATA) + "/math/strict_variants.tsv");
  Workspace workspace;
  std::size_t lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    INFO(line);
    std::size_t const tab = line.find('\t', 2);
    REQUIRE(tab != std::string::npos);
    std::string const gold = line.substr(2, tab - 2);
    std::string const answer = line.substr(tab + 1);
    auto const judge = [&](std::string const& a, std::string const& b) {
      std::string const box = b.starts_with('@') ? b.substr(1) : std::string("\\boxed{").append(b).append("}");
      return Strict{}.judge(workspace, std::string("$").append(a).append("$"), box).verdict == Verdict::Equal;
    };
    CHECK(judge(gold, answer) == (line[0] == '1'));
    if (!answer.starts_with('@')) CHECK(judge(answer, gold) == (line[0] == '1'));
  }
  CHECK(lines > 1300);
}

}  // namespace
