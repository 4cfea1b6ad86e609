// SPDX-License-Identifier: Apache-2.0
// No text may crash a check or make it long. Work is bounded by counters, so the limit here is generous: it fails where
// something is quadratic in 200,000 characters or evaluates a tower of powers.
#include <algorithm>
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

struct LibraryDefaults : Compatible {
  LibraryDefaults() : Compatible(library_defaults()) {}
};

/// Seconds of this process's time that no check comes near (the longest take 0.01) and that squaring 200,000 characters
/// goes far beyond. A sanitizer's instrumentation makes each step some ten times as long.
#if defined(__SANITIZE_ADDRESS__)
constexpr double kSoon = 1;
#else
constexpr double kSoon = 0.1;
#endif

/// Judges twice: the same verdict, within the memory, and at least once soon.
template <class P>
void judge_soon(P const& policy, Workspace& workspace, std::string const& gold, std::string const& text) {
  INFO(gold.substr(0, 60) << " | " << text.substr(0, 60));
  Outcome outcomes[2];
  double seconds = 1e9;
  for (Outcome& outcome : outcomes) {
    std::clock_t const before = std::clock();
    outcome = policy.judge(workspace, gold, text);
    seconds = std::min(seconds, static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
    CHECK(workspace.arena.memory() <= workspace.arena.memory_limit());
  }
  CHECK(seconds < kSoon);
  CHECK(outcomes[0].verdict == outcomes[1].verdict);
}

template <class P>
void judge_soon(std::vector<std::string> const& texts) {
  P const policy{};
  Workspace workspace;
  for (std::string const& text : texts) {
    for (std::string const& gold : {std::string("$7$"), std::string("\\boxed{x+1}"), text})
      judge_soon(policy, workspace, gold, text);
  }
}

TEMPLATE_TEST_CASE("hostile texts are judged, and soon", "", Compatible, CompatibleOpenRs, LibraryDefaults, Lighteval,
                   Strict, QwenGrader) {
  judge_soon<TestType>(grove::test::hostile_texts());
}

TEMPLATE_TEST_CASE("hostile values are judged, and soon", "", Compatible, CompatibleOpenRs, LibraryDefaults, Lighteval,
                   Strict, QwenGrader) {
  judge_soon<TestType>(grove::test::hostile_values());
}

TEMPLATE_TEST_CASE("many long candidates are judged, and soon", "", Compatible, CompatibleOpenRs, LibraryDefaults,
                   Lighteval, Strict, QwenGrader) {
  TestType const policy{};
  Workspace workspace;
  for (std::string const& text : grove::test::hostile_candidates()) judge_soon(policy, workspace, "$7$", text);
}

TEMPLATE_TEST_CASE("answers that are long to compare are judged, and soon", "", Compatible, CompatibleOpenRs,
                   LibraryDefaults, Lighteval, Strict, QwenGrader) {
  TestType const policy{};
  Workspace workspace;
  for (auto const& [gold, answer] : grove::test::hostile_pairs()) judge_soon(policy, workspace, gold, answer);
}

TEST_CASE("of a text beyond all measure the end is searched") {
  Workspace workspace;
  std::string const text = std::string("$8$ ").append(std::size_t{3} << 20U, 'x') + " the answer is $\\boxed{7}$";
  CHECK(Strict{}.judge(workspace, "$7$", text).verdict == Verdict::Equal);
  CHECK(Compatible{}.judge(workspace, "$7$", text).verdict == Verdict::Equal);
  CHECK(Compatible::library_defaults().judge(workspace, "$7$", text).verdict == Verdict::Equal);
  CHECK(QwenGrader{}.judge(workspace, "7", text).verdict == Verdict::Equal);
  CHECK(workspace.arena.memory_limit() < (std::size_t{64} << 20U));
}

TEST_CASE("of a text dense with environments the last ones are read") {
  Workspace workspace;
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "$1$";
  text += " $\\boxed{7}$";
  CHECK(Compatible::library_defaults().judge(workspace, "$7$", text).verdict == Verdict::Equal);
  CHECK(Lighteval{}.judge(workspace, "$7$", text).verdict == Verdict::Equal);
}

}  // namespace
