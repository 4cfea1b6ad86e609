// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_compatible.hpp"

#include "grove/math/ascii.hpp"

namespace grove::math {

Compatible Compatible::library_defaults() {
  Compatible policy;
  policy.gold = ReadOptions{.targets = {.latex = LatexTarget{}, .expression = ExpressionTarget{}}};
  policy.answer = policy.gold;
  return policy;
}

Outcome Compatible::judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const {
  workspace.reset();
  Arena& arena = workspace.arena;
  workspace.reader.read(arena, gold_text, gold, workspace.gold);
  Reading const& wanted = workspace.gold;
  if (!wanted.any()) {
    workspace.answer = {};
    if (unread_gold_accepted) return {Verdict::Equal, "the gold answer cannot be read: everything is accepted", false};
    return {Verdict::Unparsed, "the gold answer cannot be read", false};
  }
  workspace.reader.read(arena, answer_text, answer, workspace.answer);
  Reading const& given = workspace.answer;
  if (!given.any()) return {Verdict::Unparsed, "the text has no answer"};
  // Texts count only as the same texts.
  if (!wanted.text.empty() && detail::trim(wanted.text) == detail::trim(given.text)) {
    return {Verdict::Equal, "the same text"};
  }
  if (!wanted.value) return {Verdict::Unparsed, "the gold answer cannot be read, and the texts differ"};
  if (!given.value) return {Verdict::Unparsed, "the answer cannot be read"};
  Fuel fuel_left(fuel);
  CompatibleComparison compare(comparison);
  Judgement const judgement = swapped ? compare(arena, given.value, wanted.value, fuel_left)
                                      : compare(arena, wanted.value, given.value, fuel_left);
  return {judgement.verdict, judgement.reason};
}

CompatibleOpenRs::CompatibleOpenRs() {
  gold.targets.expression.reset();
  swapped = true;
  unread_gold_accepted = true;
}

Lighteval::Lighteval(Gold where) {
  LatexTarget boxes_first;
  boxes_first.box_priority = 0;
  gold = ReadOptions{};
  if (where == Gold::Latex) {
    gold.targets.latex = LatexTarget{};
  } else {
    gold.targets.expression = ExpressionTarget{};
  }
  answer = ReadOptions{.targets = {.latex = boxes_first, .expression = ExpressionTarget{}}};
  comparison.float_rounding = 5;
}

Outcome Lighteval::judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const {
  Outcome const outcome = Compatible::judge(workspace, gold_text, answer_text);
  if (outcome.gold_read || workspace.gold.any()) return outcome;
  // A gold answer that is not found is compared as a text.
  workspace.reader.read(workspace.arena, answer_text, answer, workspace.answer);
  workspace.gold.text = detail::trim(detail::searched_part(gold_text));
  bool const same = !workspace.gold.text.empty() && workspace.gold.text == detail::trim(workspace.answer.text);
  return same ? Outcome{Verdict::Equal, "the same text"} : Outcome{Verdict::Different, "different texts"};
}

}  // namespace grove::math
