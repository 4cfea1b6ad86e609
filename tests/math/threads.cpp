// SPDX-License-Identifier: Apache-2.0
// Threads with workspaces of their own come to the same verdicts, and leave nothing behind when they end (MPFR's
// caches of pi and the like belong to a thread; LeakSanitizer sees whether they are freed).
#include <string>
#include <thread>
#include <vector>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_strict.hpp"
#include "support/catch.hpp"

namespace {

using namespace grove::math;

struct Pair {
  char const* gold;
  char const* answer;
};

constexpr Pair pairs[] = {{"$\\frac{\\pi}{4}$", "\\boxed{\\arctan 1}"},
                          {"$e^2$", "\\boxed{e\\cdot e}"},
                          {"$\\ln 6$", "\\boxed{\\ln 2+\\ln 3}"},
                          {"$\\sqrt{3+2\\sqrt2}$", "\\boxed{1+\\sqrt{2}}"},
                          {"$\\sin x\\cos x$", "\\boxed{\\frac{\\sin(2x)}{2}}"},
                          {"$\\cosh 1$", "\\boxed{\\cosh 2}"},
                          {"$100!$", "\\boxed{100!+1}"},
                          {"$\\{1,2\\}$", "\\boxed{2,1}"}};

template <class P>
std::vector<Verdict> judge_all() {
  P const policy{};
  Workspace workspace;
  std::vector<Verdict> verdicts;
  for (auto const& [gold, answer] : pairs) verdicts.push_back(policy.judge(workspace, gold, answer).verdict);
  return verdicts;
}

TEMPLATE_TEST_CASE("threads come to the same verdicts and leave nothing behind", "", Strict, Compatible) {
  auto const expected = judge_all<TestType>();
  std::vector<std::vector<Verdict>> found(4);
  std::vector<std::thread> threads;
  for (auto& verdicts : found) threads.emplace_back([&verdicts] { verdicts = judge_all<TestType>(); });
  for (auto& thread : threads) thread.join();
  for (auto const& verdicts : found) CHECK(verdicts == expected);
}

}  // namespace
