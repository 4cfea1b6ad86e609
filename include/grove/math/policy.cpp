// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy.hpp"

namespace grove::math::detail {
namespace {

std::string describe(Arena const& arena, Reading const& reading) {
  if (reading.value) return to_string(arena, reading.value);
  constexpr std::size_t most = 400;
  return reading.text.size() <= most ? reading.text : reading.text.substr(0, most) + "...";
}

}  // namespace

Verification explain(Workspace const& workspace, Outcome const& outcome) {
  Verification out{.verdict = outcome.verdict, .reason = std::string(outcome.reason), .gold_read = outcome.gold_read};
  out.gold = describe(workspace.arena, workspace.gold);
  out.answer = describe(workspace.arena, workspace.answer);
  if (outcome.verdict != Verdict::Unparsed) return out;
  Reading const& side = workspace.gold.any() ? workspace.answer : workspace.gold;
  std::string_view const problem = workspace.gold.value ? workspace.answer.problem : side.problem;
  if (!problem.empty() && problem != outcome.reason) out.reason.append(": ").append(problem);
  return out;
}

}  // namespace grove::math::detail
