// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_strict.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "grove/math/ascii.hpp"
#include "grove/math/boxes.hpp"
#include "grove/math/number_words.hpp"
#include "grove/math/sentence.hpp"
#include "grove/math/strict_text.hpp"
#include "grove/math/words.hpp"

namespace grove::math {
namespace {

constexpr std::size_t most_bytes = 4096;

/// Reads one piece of mathematics; the reading's text is the piece.
void read_piece(Workspace& workspace, std::string_view piece, Reading& out) {
  out.found = true;
  out.value = {};
  if (piece.size() > most_bytes) {
    out.text.assign(piece.substr(0, 64)).append("...");
    out.problem = "too long";
    return;
  }
  out.text.assign(detail::trim(piece));
  Parsed const parsed = workspace.parser.strict(workspace.arena, piece);
  out.value = parsed.value;
  out.problem = parsed.problem;
}

/// LaTeX without dollar signs around it, and no word: 1+2\sqrt{3}, (1, 2).
bool bare_latex(std::string_view said) {
  if (said.find_first_of("\\^(") == std::string_view::npos || said.find('$') != std::string_view::npos) return false;
  for (std::size_t at = 0; at < said.size(); ++at) {
    bool const command = said[at] == '\\';
    std::size_t const begin = command ? at + 1 : at;
    std::size_t end = begin;
    while (end < said.size() && detail::is_letter(said[end])) ++end;
    if (!command && end > begin + 1) return false;
    if (end > at) at = end - 1;
  }
  return true;
}

/// Reads what a search for digits does not see whole: "five", fractions and powers of one character, LaTeX without
/// dollar signs. Whether the sentence says that and nothing else.
bool read_said_number(Workspace& workspace, std::string_view text, Reading& out) {
  std::string_view const said = detail::said_answer(text);
  bool wide = false;
  bool letters = false;
  for (char const c : said) {
    wide = wide || static_cast<unsigned char>(c) >= 0x80;
    letters = letters || detail::is_letter(c);
  }
  if (!bare_latex(said) && (wide ? letters : !detail::number_of_words(said))) return false;
  Reading piece;
  read_piece(workspace, said, piece);
  if (!piece.value) return false;
  out = std::move(piece);
  return true;
}

/// The last environment of a text, or the number or LaTeX behind "answer". `in_sentence`: words around it count.
bool read_match(Workspace& workspace, std::string_view text, Targets const& targets, bool in_sentence, Reading& out) {
  Extractor extractor;
  bool found = false;
  extractor.each(text, targets, [&](Match const& match) {
    std::string_view piece = match.plain.arithmetic;
    if (match.type == Match::Type::Latex) {
      auto const& last = match.latex.parts[match.latex.size - 1];
      auto const* const begin = match.latex.parts[0].content.data();
      // Several environments are a list: dollar signs between them are skipped by the parser.
      piece = {begin, static_cast<std::size_t>(last.content.data() + last.content.size() - begin)};
    } else if (piece.empty()) {
      auto const first = match.plain.integer.empty() ? match.plain.decimals : match.plain.integer;
      piece = text.substr(static_cast<std::size_t>(first.data() - text.data()));
      piece = piece.substr(0, static_cast<std::size_t>(text.data() + match.end - piece.data()));
    }
    if (in_sentence) piece = detail::with_what_belongs_to_it(text, piece);
    read_piece(workspace, piece, out);
    auto const begin = static_cast<std::size_t>(piece.data() - text.data());
    std::string_view const before = text.substr(0, begin);
    std::string_view const behind = text.substr(begin + piece.size());
    if (in_sentence && !detail::says_only(before, behind)) {
      out.value = {};
      out.text.insert(0, "... ").append(" ...");  // the text is not the answer either
      out.problem = "the sentence says something else, or more";
    }
    found = true;
    return false;
  });
  return found;
}

void read_gold(Workspace& workspace, std::string_view text, Reading& out) {
  if (detail::box_contents(text, BoxMode::Last, workspace.scratch)) {
    read_piece(workspace, workspace.scratch, out);
    return;
  }
  read_piece(workspace, text, out);
  if (out.value && !workspace.arena.is(out.value, Kind::Text)) return;
  // A sentence with mathematics in it.
  Targets const targets{.latex = LatexTarget{}};
  Reading inner;
  if (text.find('$') != std::string_view::npos && read_match(workspace, text, targets, false, inner) && inner.value) {
    out.value = inner.value;
    out.problem = {};
  }
}

void read_answer(Workspace& workspace, std::string_view text, bool anchored, Reading& out) {
  if (detail::box_contents(text, BoxMode::Last, workspace.scratch)) {
    read_piece(workspace, workspace.scratch, out);
    return;
  }
  if (!anchored) return;
  Targets const targets{.latex = LatexTarget{.unanchored = false, .box_priority = -1, .normalization = {}},
                        .expression = ExpressionTarget{.unanchored = false}};
  std::string const plain = detail::without_marks(text);
  if (!read_said_number(workspace, plain, out)) read_match(workspace, plain, targets, true, out);
}

/// The same characters but for dollar signs and for white space that parts no letters and digits.
bool same_text(std::string_view a, std::string_view b) {
  auto const skip = [](std::string_view text, std::size_t at) {
    while (at < text.size() && (detail::is_space(text[at]) || text[at] == '$')) ++at;
    return at;
  };
  std::size_t i = 0;
  std::size_t j = 0;
  for (;;) {
    i = skip(a, i);
    j = skip(b, j);
    if (i == a.size() || j == b.size()) return i == a.size() && j == b.size();
    if (a[i] != b[j]) return false;
    auto const parts = [](std::string_view text, std::size_t at) {
      auto const joins = [](char c) { return detail::is_digit(c) || detail::is_letter(c); };
      if (at == 0 || !joins(text[at])) return false;
      std::size_t before = at;
      while (before > 0 && (detail::is_space(text[before - 1]) || text[before - 1] == '$')) --before;
      return before != at && before > 0 && joins(text[before - 1]);
    };
    if (parts(a, i++) != parts(b, j++)) return false;
  }
}

}  // namespace

std::string_view behind_thinking(std::string_view text) {
  constexpr std::string_view mark = "</think>";
  std::size_t const at = text.rfind(mark);
  return at == std::string_view::npos ? text : text.substr(at + mark.size());
}

Outcome Strict::judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const {
  workspace.reset();
  Reading& gold = workspace.gold;
  Reading& answer = workspace.answer;
  gold = {};
  answer = {};
  gold.problem = answer.problem = "no answer was found";
  read_gold(workspace, detail::searched_part(gold_text), gold);
  if (!gold.any()) return {Verdict::Unparsed, "the gold answer cannot be read", false};
  answer_text = detail::searched_part(answer_text);
  read_answer(workspace, after_thinking ? behind_thinking(answer_text) : answer_text, anchored, answer);
  if (!answer.any()) return {Verdict::Unparsed, "the text has no answer", static_cast<bool>(gold.value)};
  if (!gold.value || !answer.value) {
    if (!gold.text.empty() && same_text(gold.text, answer.text)) return {Verdict::Equal, "the same text"};
    if (!gold.value) return {Verdict::Unparsed, "the gold answer cannot be read", false};
    return {Verdict::Unparsed, "the answer cannot be read"};
  }
  Fuel fuel_left(fuel);
  StrictComparison compare(comparison);
  Judgement const judgement = compare(workspace.arena, gold.value, answer.value, fuel_left);
  return {judgement.verdict, judgement.reason};
}

}  // namespace grove::math
