// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_compatible.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "grove/math/ascii.hpp"
#include "grove/math/rewrite.hpp"

namespace grove::math {
namespace {

/// Whether Math-Verify takes the variables of a text for complex ones: its words and an i that stands alone, so that
/// "4 i" is complex and "4i" is not.
bool suggests_complex(std::string_view text) {
  constexpr std::string_view words[] = {"\\mathbb{C}",
                                        "\\text{i}",
                                        "\\mathrm{i}",
                                        "\\det",
                                        "\\operatorname{tr}",
                                        "\\operatorname{rank}",
                                        "\\text{rank}",
                                        "\\arg{",
                                        "\\Re{",
                                        "\\Im{",
                                        "\\imath",
                                        "\\operatorname{Re}",
                                        "\\operatorname{Im}",
                                        "\\text{Re}",
                                        "\\text{Im}"};
  for (std::size_t i = text.find('i'); i != std::string_view::npos; i = text.find('i', i + 1)) {
    bool const begins = i == 0 || !detail::is_word(text[i - 1]);
    if (begins && (i + 1 == text.size() || !detail::is_word(text[i + 1]))) return true;
  }
  if (text.find('\\') == std::string_view::npos) return false;
  return std::any_of(std::begin(words), std::end(words),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

/// An expression whose real variables are no complex ones of the same names: none of them is equal to any.
Expr with_other_variables(Arena& arena, Expr e) {
  bool const compared_by_name = arena.is(e, Kind::Symbol) || arena.is(e, Kind::Text) || arena.is(e, Kind::Choice);
  if (compared_by_name) return e;
  return detail::rebuild(arena, e, [&](Expr x) {
    return arena.is(x, Kind::Symbol) ? arena.symbol(std::string(arena.name(x)).append("?complex")) : x;
  });
}

}  // namespace

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
  Expr value = given.value;
  if (suggests_complex(wanted.text) != suggests_complex(given.text)) value = with_other_variables(arena, value);
  CompatibleComparison compare(comparison);
  Judgement const judgement =
      swapped ? compare(arena, value, wanted.value, fuel_left) : compare(arena, wanted.value, value, fuel_left);
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
