// SPDX-License-Identifier: Apache-2.0
// No text may crash a check or make it long. Work is bounded by counters, so the limit here is generous: it fails where
// something is quadratic in 200,000 characters or evaluates a tower of powers.
#include <ctime>
#include <string>
#include <vector>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"
#include "support/catch.hpp"

namespace {

using namespace grove::math;

std::string repeat(std::string const& piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

std::string box(std::string const& content) { return "\\boxed{" + content + "}"; }

std::vector<std::string> hostile_texts() {
  return {box("9^{9^9}"),
          box("2004!"),
          box("((20!)!)!"),
          box("10^{10^{10}} + x"),
          box("(x+y+z+1)^{100000}"),
          box("\\binom{10^{9}}{10^{8}}"),
          box("\\sum_{i=1}^{10^{9}} i^{i}"),
          box("\\tan(10^{1000})"),
          box("1e99999999"),
          box("0." + repeat("7", 4000)),
          box("\\gcd(10^{1000},10^{999})"),
          "\\boxed" + repeat("{", 100000),
          repeat("\\boxed{", 20000),
          repeat("\\boxed{1}, ", 20000),
          box(repeat("(", 2000) + "1" + repeat(")", 2000)),
          box(repeat("f(", 300) + "x+1" + repeat(")", 300)),
          box(repeat("\\frac{1}{", 300) + "2" + repeat("}", 300)),
          box(repeat("\\{", 150) + "1" + repeat("\\}", 150)),
          box(repeat("|", 1000)),
          box(repeat("-", 4000) + "1"),
          box(repeat("\\pm 1", 300)),
          box(repeat("(1,2)\\cup", 300) + "(3,4)"),
          box(repeat("\\sin(", 100) + "x" + repeat(")", 100)),
          repeat("a", 200000),
          repeat("9", 200000),
          repeat("$", 200000),
          repeat("$ ", 100000),
          repeat("\\[", 100000),
          repeat(" [", 100000),
          repeat("answer", 35000),
          repeat("answer: $", 25000),
          repeat("final answer is ", 13000),
          "final answer is" + repeat(" ", 200000),
          "answer: " + repeat("= ", 100000),
          repeat("\xFF", 200000),
          box("\xFF\xFE\x80 1 \xC3"),
          std::string(200000, '\0')};
}

TEMPLATE_TEST_CASE("hostile texts are judged, and soon", "", Compatible, CompatibleOpenRs, Lighteval, Strict,
                   QwenGrader) {
  TestType const policy{};
  Workspace workspace;
  for (std::string const& text : hostile_texts()) {
    for (std::string const& gold : {std::string("$7$"), std::string("\\boxed{x+1}"), text}) {
      INFO(text.substr(0, 60));
      std::clock_t const before = std::clock();
      Outcome const outcome = policy.judge(workspace, gold, text);
      double const seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
      CHECK(seconds < 0.25);
      CHECK(workspace.arena.memory() <= workspace.arena.memory_limit());
      // The same verdict again.
      CHECK(policy.judge(workspace, gold, text).verdict == outcome.verdict);
    }
  }
}

}  // namespace
