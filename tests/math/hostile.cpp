// SPDX-License-Identifier: Apache-2.0
// No text may crash a check or make it long. Work is bounded by counters, so the limit here is generous: it fails where
// something is quadratic in 200,000 characters or evaluates a tower of powers.
#include <ctime>
#include <string>
#include <vector>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"
#include "math/hostile_texts.hpp"
#include "support/catch.hpp"

namespace {

using namespace grove::math;

template <class P>
void judge_soon(std::vector<std::string> const& texts) {
  P const policy{};
  Workspace workspace;
  for (std::string const& text : texts) {
    for (std::string const& gold : {std::string("$7$"), std::string("\\boxed{x+1}"), text}) {
      INFO(text.substr(0, 60));
      std::clock_t const before = std::clock();
      Outcome const outcome = policy.judge(workspace, gold, text);
      double const seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
      CHECK(seconds < 0.25);
      CHECK(workspace.arena.memory() <= workspace.arena.memory_limit());
      CHECK(workspace.arena.memory_limit() < (std::size_t{64} << 20U));
      // The same verdict again.
      CHECK(policy.judge(workspace, gold, text).verdict == outcome.verdict);
    }
  }
}

TEMPLATE_TEST_CASE("hostile texts are judged, and soon", "", Compatible, CompatibleOpenRs, Lighteval, Strict,
                   QwenGrader) {
  judge_soon<TestType>(grove::test::hostile_texts());
}

TEMPLATE_TEST_CASE("hostile values are judged, and soon", "", Compatible, CompatibleOpenRs, Lighteval, Strict,
                   QwenGrader) {
  judge_soon<TestType>(grove::test::hostile_values());
}

}  // namespace
