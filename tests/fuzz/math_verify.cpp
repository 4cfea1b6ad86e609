// SPDX-License-Identifier: Apache-2.0
// Any two texts under every policy: a verdict, the same one again, within the memory and the time promised. Work is
// counted, so a verdict that depends on more than the texts would show here. Times steer the fuzzer: an input that
// takes longer than all before counts as one that reaches new code.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"

namespace {

using namespace grove::math;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr double slower = 20;  // than without sanitizers
#else
constexpr double slower = 2;
#endif
#else
constexpr double slower = 2;
#endif
constexpr double promised_seconds = 0.01;

/// libFuzzer takes each byte here that was never set before for new coverage.
__attribute__((section("__libfuzzer_extra_counters"))) std::array<std::uint8_t, 6 * 64> longest;

template <class P>
double seconds(P const& policy, std::string_view gold, std::string_view text, Workspace& workspace) {
  timespec before{};
  timespec behind{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  policy.judge(workspace, gold, text);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &behind);
  return static_cast<double>(behind.tv_sec - before.tv_sec) +
         1e-9 * static_cast<double>(behind.tv_nsec - before.tv_nsec);
}

template <class P>
void judge(P const& policy, std::size_t number, std::string_view gold, std::string_view text, Workspace& workspace) {
  Verification const first = verify(policy, gold, text, workspace);
  if (workspace.arena.memory() > workspace.arena.memory_limit()) std::abort();
  Verification const again = verify(policy, gold, text, workspace);
  if (first.verdict != again.verdict || first.answer != again.answer || first.gold != again.gold) std::abort();
  double time = seconds(policy, gold, text, workspace);
  // Other processes make a check longer, never shorter.
  for (int i = 0; i < 20 && time > slower * promised_seconds; ++i)
    time = std::min(time, seconds(policy, gold, text, workspace));
  if (time > slower * promised_seconds) std::abort();
  double const microseconds = std::max(1.0, 1e6 * time);
  auto const bucket = static_cast<std::size_t>(std::clamp(4 * std::log2(microseconds), 0.0, 63.0));
  longest[64 * number + bucket] = 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static Workspace workspace;
  std::string_view const all(reinterpret_cast<char const*>(data), size);
  std::size_t const line = all.find('\n');
  std::string_view const gold = all.substr(0, line);
  std::string_view const text = line == std::string_view::npos ? all : all.substr(line + 1);
  judge(Strict{}, 0, gold, text, workspace);
  judge(Compatible{}, 1, gold, text, workspace);
  judge(Compatible::library_defaults(), 2, gold, text, workspace);
  judge(CompatibleOpenRs{}, 3, gold, text, workspace);
  judge(Lighteval{}, 4, gold, text, workspace);
  judge(QwenGrader{}, 5, gold, text, workspace);
  return 0;
}
