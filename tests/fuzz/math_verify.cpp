// SPDX-License-Identifier: Apache-2.0
// Any two texts under every policy: a verdict, the same one again, within the memory promised. Work is counted, so a
// verdict that depends on more than the texts would show here.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"

namespace {

using namespace grove::math;

template <class P>
void judge(P const& policy, std::string_view gold, std::string_view text, Workspace& workspace) {
  Verification const first = verify(policy, gold, text, workspace);
  if (workspace.arena.memory() > workspace.arena.memory_limit()) std::abort();
  Verification const again = verify(policy, gold, text, workspace);
  if (first.verdict != again.verdict || first.answer != again.answer || first.gold != again.gold) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static Workspace workspace;
  std::string_view const all(reinterpret_cast<char const*>(data), size);
  std::size_t const line = all.find('\n');
  std::string_view const gold = all.substr(0, line);
  std::string_view const text = line == std::string_view::npos ? all : all.substr(line + 1);
  judge(Strict{}, gold, text, workspace);
  judge(Compatible{}, gold, text, workspace);
  judge(Compatible::library_defaults(), gold, text, workspace);
  judge(CompatibleOpenRs{}, gold, text, workspace);
  judge(Lighteval{}, gold, text, workspace);
  judge(QwenGrader{}, gold, text, workspace);
  return 0;
}
