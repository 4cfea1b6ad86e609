// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_strict.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "grove/math/ascii.hpp"
#include "grove/math/boxes.hpp"
#include "grove/math/number_words.hpp"
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

constexpr std::string_view sentence_ends = ".;!?\n";

/// Calls f(word, its place) for each word of a text until it returns true; whether it did.
template <class F>
bool any_word(std::string_view text, F const& f) {
  for (std::size_t at = 0; at < text.size();) {
    if (!detail::is_letter(text[at])) {
      ++at;
      continue;
    }
    std::size_t const begin = at;
    while (at < text.size() && (detail::is_letter(text[at]) || text[at] == '\'')) ++at;
    if (f(text.substr(begin, at - begin), begin)) return true;
  }
  return false;
}

/// Whether the words between "answer" and what follows take it back or give a bound only: "is not", "is at least".
bool says_otherwise(std::string_view before) {
  constexpr std::size_t most_looked_at = 80;
  before = before.substr(before.size() - std::min(before.size(), most_looked_at));
  if (auto const end = before.find_last_of(sentence_ends); end != std::string_view::npos) before.remove_prefix(end + 1);
  constexpr std::array<std::string_view, 8> words = {"not",   "neither", "never", "either",
                                                     "least", "most",    "than",  "between"};
  bool otherwise = false;
  any_word(before, [&](std::string_view word, std::size_t) {
    if (detail::starts_with_any_case(word, 0, "answer"))
      otherwise = false;  // what stands before it speaks of something else
    else
      otherwise |= word.ends_with("n't") || std::ranges::find(words, word) != words.end();
    return false;
  });
  return otherwise;
}

/// Whether the word before a number changes it: "negative 15", "half of 15".
bool is_changed_by(std::string_view before) {
  constexpr std::array<std::string_view, 10> words = {"negative", "minus", "plus",   "half",   "twice",
                                                      "thrice",   "times", "double", "triple", "quarter"};
  constexpr std::size_t most_looked_at = 40;
  before = before.substr(before.size() - std::min(before.size(), most_looked_at));
  while (!before.empty() && (detail::is_space(before.back()) || before.back() == '$')) before.remove_suffix(1);
  std::string_view last;
  std::string_view last_but_one;
  any_word(before, [&](std::string_view word, std::size_t) {
    last_but_one = std::exchange(last, word);
    return false;
  });
  if (last.empty() || !before.ends_with(last)) return false;
  if (last == "of") last = last_but_one;
  return std::ranges::find(words, last) != words.end();
}

/// Does something to calculate with begin behind the white space here: a number, a letter, a bracket?
bool operand_at(std::string_view text, std::size_t at) {
  at = detail::skip_space(text, at);
  while (at < text.size() && (text[at] == '$' || text[at] == '-')) ++at;
  if (at >= text.size()) return false;
  std::size_t end = at;
  while (end < text.size() && detail::is_letter(text[end])) ++end;
  return detail::is_digit(text[at]) || text[at] == '(' || text[at] == '\\' || end == at + 1 ||
         (end > at && detail::number_of_words(text.substr(at, end - at)));
}

/// Whether the number goes on: with a fraction or a power as one character, with "+ x", "squared", "to 20", "and a
/// half".
bool is_calculated_with(std::string_view behind) {
  if (behind.starts_with('$')) behind.remove_prefix(1);
  if (detail::begins_with_script(behind)) return true;
  std::size_t const sign = detail::skip_space(behind, 0);
  if (sign < behind.size() && std::string_view("+-*/^=<>").find(behind[sign]) != std::string_view::npos)
    return operand_at(behind, sign + 1);
  constexpr std::array<std::string_view, 3> functions = {"squared", "cubed", "factorial"};
  constexpr std::array<std::string_view, 8> operators = {"plus", "minus",   "times", "over",
                                                         "to",   "through", "mod",   "modulo"};
  std::array<std::string_view, 3> first;
  std::size_t count = 0;
  std::size_t ends = 0;  // of the first word
  any_word(behind, [&](std::string_view word, std::size_t at) {
    if (count == 0) ends = at + word.size();
    first[count++] = word;
    return count == first.size();
  });
  if (count == 0 || detail::trim(behind.substr(0, ends)) != first[0]) return false;
  if (std::ranges::find(functions, first[0]) != functions.end()) return true;
  if (std::ranges::find(operators, first[0]) != operators.end()) return operand_at(behind, ends);
  if (first[0] == "divided" || first[0] == "multiplied") return first[1] == "by";
  auto const part = detail::number_of_words("one " + std::string(first[2]));
  return first[0] == "and" && (first[1] == "half" || (!first[2].empty() && part && *part < Rational(1)));
}

/// Whether a sentence goes on with another answer: "or 6", "and 6", ", 6", "or less".
bool goes_on(std::string_view behind) {
  constexpr std::size_t most_looked_at = 80;
  behind = behind.substr(0, most_looked_at);
  for (std::size_t at = 0; at < behind.size(); ++at)  // a point between digits ends no sentence
    if (sentence_ends.find(behind[at]) != std::string_view::npos &&
        (at + 1 == behind.size() || !detail::is_digit(behind[at + 1]))) {
      behind = behind.substr(0, at);
      break;
    }
  auto const number_at = [&](std::size_t at) {
    at = detail::skip_space(behind, at);
    while (at < behind.size() && (behind[at] == '$' || behind[at] == '-')) ++at;
    return at < behind.size() && detail::is_digit(behind[at]);
  };
  for (std::size_t comma = behind.find(','); comma != std::string_view::npos; comma = behind.find(',', comma + 1))
    if (number_at(comma + 1)) return true;
  return any_word(behind, [&](std::string_view word, std::size_t at) {
    bool const first = detail::trim(behind.substr(0, at)).empty();
    return (word == "or" && (first || number_at(at + word.size()))) || (word == "and" && number_at(at + word.size()));
  });
}

/// What stands behind the last "answer is" or "answer:" up to the sentence's end; empty if there is none.
std::string_view said_answer(std::string_view text) {
  constexpr std::string_view answer = "answer";
  constexpr std::size_t longest = 100;
  std::size_t at = text.find_last_of("aA");
  while (at != std::string_view::npos && !detail::starts_with_any_case(text, at, answer))
    at = at == 0 ? std::string_view::npos : text.find_last_of("aA", at - 1);
  if (at == std::string_view::npos) return {};
  text = detail::trim(text.substr(at + answer.size()));
  bool const is = text.starts_with("is ") || text.starts_with("is:");
  if (is) text = detail::trim(text.substr(2));
  bool const colon = text.starts_with(':');
  if (!is && !colon) return {};
  if (colon) text.remove_prefix(1);
  text = text.substr(0, text.find_first_of(sentence_ends));
  auto const mark = [](char c) { return c == '*' || detail::is_space(c); };
  while (!text.empty() && mark(text.front())) text.remove_prefix(1);
  while (!text.empty() && mark(text.back())) text.remove_suffix(1);
  return text.size() > longest ? std::string_view() : text;
}

/// Reads numbers that have no digits, or characters behind them that a search for digits does not see: "five", "2 1/2"
/// and powers as one character. Whether the sentence says such a number and nothing else.
bool read_said_number(Workspace& workspace, std::string_view text, Reading& out) {
  std::string_view const said = said_answer(text);
  bool wide = false;
  bool letters = false;
  for (char const c : said) {
    wide = wide || static_cast<unsigned char>(c) >= 0x80;
    letters = letters || detail::is_letter(c);
  }
  if (wide ? letters : !detail::number_of_words(said)) return false;
  Reading piece;
  read_piece(workspace, said, piece);
  if (!piece.value) return false;
  out = std::move(piece);
  return true;
}

/// A piece of a sentence with what is written to its end without a space (12x, 12kg) and with a word that multiplies it
/// (12 million).
std::string_view with_what_belongs_to_it(std::string_view text, std::string_view piece) {
  constexpr std::size_t most = 40;
  auto const begin = static_cast<std::size_t>(piece.data() - text.data());
  std::size_t end = begin + piece.size();
  auto const glued = [&](std::size_t at) {
    // Letters of every alphabet, not the punctuation of others (U+2000 and on, U+3000 and on).
    auto const c = static_cast<unsigned char>(text[at]);
    bool const sign = c == 0xe3 || c == 0xef || (c == 0xe2 && at + 1 < text.size() && text[at + 1] == '\x80');
    return detail::is_letter(text[at]) || (c >= 0x80 && !sign);
  };
  if (end < text.size() && glued(end)) {
    while (end < text.size() && end - begin < piece.size() + most && !detail::is_space(text[end])) ++end;
    return text.substr(begin, end - begin);
  }
  if (text.substr(end, 1) == "$") ++end;
  std::size_t const word = detail::skip_space(text, end);
  std::size_t behind = word;
  while (behind < text.size() && behind - word < most && detail::is_letter(text[behind])) ++behind;
  return detail::magnitude(text.substr(word, behind - word)) != 0 ? text.substr(begin, behind - begin) : piece;
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
    if (in_sentence) piece = with_what_belongs_to_it(text, piece);
    read_piece(workspace, piece, out);
    auto const begin = static_cast<std::size_t>(piece.data() - text.data());
    std::string_view const before = text.substr(0, begin);
    std::string_view const behind = text.substr(begin + piece.size());
    if (in_sentence &&
        (says_otherwise(before) || is_changed_by(before) || is_calculated_with(behind) || goes_on(behind))) {
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

/// Markdown's stars around an answer (**5**) as white space; those of a power (2**3) stay.
std::string without_stars(std::string_view text) {
  std::string out(text);
  auto const begins = [](char c) { return detail::is_digit(c) || c == '$' || c == '-' || c == '\\' || c == '.'; };
  auto const parts = [](char c) { return detail::is_space(c) || c == ':' || c == '.' || c == ','; };
  for (std::size_t at = out.find("**"); at != std::string::npos; at = out.find("**", at + 2)) {
    char const before = at > 0 ? out[at - 1] : ' ';
    char const behind = at + 2 < out.size() ? out[at + 2] : ' ';
    if ((parts(before) && begins(behind)) || (parts(behind) && !detail::is_letter(before))) out.replace(at, 2, "  ");
  }
  return out;
}

void read_answer(Workspace& workspace, std::string_view text, bool anchored, Reading& out) {
  if (detail::box_contents(text, BoxMode::Last, workspace.scratch)) {
    read_piece(workspace, workspace.scratch, out);
    return;
  }
  if (!anchored) return;
  Targets const targets{.latex = LatexTarget{.unanchored = false, .box_priority = -1, .normalization = {}},
                        .expression = ExpressionTarget{.unanchored = false}};
  std::string const plain = without_stars(text);
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
