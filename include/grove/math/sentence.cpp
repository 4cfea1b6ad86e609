// SPDX-License-Identifier: Apache-2.0
#include "grove/math/sentence.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "grove/math/ascii.hpp"
#include "grove/math/number_words.hpp"
#include "grove/math/rational.hpp"
#include "grove/math/strict_text.hpp"
#include "grove/math/words.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;
constexpr std::string_view sentence_ends = ".;!?\n";

/// Words in a list, each with a space on either side.
bool listed(std::string_view list, std::string_view word) {
  if (word.empty() || word.size() > 24) return false;
  std::string wanted(" ");
  for (char const c : word) wanted += lower(c);
  return list.find(wanted += ' ') != none;
}

/// Between "answer" and a number they take it back, or give a bound only.
constexpr std::string_view taken_back =
    " not neither never either least most than between no nor cannot can could would might may if unless anything "
    "everything but except far hardly rarely wrong incorrect false unlike instead longer other ";
/// Before "answer", in its clause: they do not claim it.
constexpr std::string_view not_claimed =
    " if suppose assume assuming false doubt nobody none nothing unless whether not never wrong incorrect deny "
    "impossible cannot were had claim claims claimed reference gold golden ground expected other previous old your "
    "their his her ";
/// Between "is" and a number they say nothing about it.
constexpr std::string_view fillers =
    " indeed therefore thus hence then clearly simply just obviously exactly precisely the a number value integer "
    "result equal to equals given by be of course again in fact now found as follows we get have so is are "
    "approximately about roughly around usd ";
/// Behind a number they make another one of it, or say more.
constexpr std::string_view changing =
    " halves thirds quarters fourths fifths sixths sevenths eighths ninths tenths hundredths thousandths tens hundreds "
    "thousands dozens score gross pi less more fewer greater below above under short remainder mod modulo base choose "
    "sqrt root log wrong incorrect false if unless except ";

/// Calls f(word, its place) for each word of a text until it returns true; whether it did.
template <class F>
bool any_word(std::string_view text, F const& f) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_letter(text[at])) {
      ++at;
      continue;
    }
    std::size_t const begin = at;
    while (at < text.size() && (is_letter(text[at]) || text[at] == '\'')) ++at;
    if (f(text.substr(begin, at - begin), begin)) return true;
  }
  return false;
}

std::size_t last_answer(std::string_view text) {
  std::size_t at = text.find_last_of("aA");
  while (at != none && !starts_with_any_case(text, at, "answer")) at = at == 0 ? none : text.find_last_of("aA", at - 1);
  return at;
}

/// Whether the clause that ends with "answer" claims it: not "if the answer", "I doubt the answer".
bool is_claimed(std::string_view before) {
  constexpr std::size_t most_looked_at = 120;
  before = before.substr(before.size() - std::min(before.size(), most_looked_at));
  if (auto const end = before.find_last_of(".,;:!?\n"); end != none) before.remove_prefix(end + 1);
  return !any_word(
      before, [](std::string_view word, std::size_t) { return word.ends_with("n't") || listed(not_claimed, word); });
}

/// The length of a sign in front of a number that says nothing about it: white space, marks, currencies; 0 for others.
std::size_t filling_sign(std::string_view text, std::size_t at) {
  if (is_space(text[at]) || std::string_view(":*_$\"'`,(").find(text[at]) != none) return 1;
  if (text[at] == '=' && (at == 0 || text[at - 1] == ' ')) return 1;
  for (std::string_view const sign : {"\\(", "\\[", "\\$", "\u00a0", "\u00a3", "\u20ac"})
    if (starts_with(text, at, sign)) return sign.size();
  return 0;
}

/// Whether what stands between "is" and a number leaves it as it is: fillers, a name and "=", quotation marks.
bool only_fillers(std::string_view between) {
  for (std::size_t at = 0; at < between.size();) {
    if (std::size_t const length = filling_sign(between, at); length != 0) {
      at += length;
      continue;
    }
    std::size_t const begin = at;
    while (at < between.size() && is_letter(between[at])) ++at;
    std::size_t const next = skip_space(between, at);
    bool const named = at == begin + 1 && starts_with(between, next, "=");
    if (named) at = next + 1;
    if (!named && !listed(fillers, between.substr(begin, at - begin))) return false;
  }
  return true;
}

/// Whether "answer" and the words behind it say that what follows is the answer.
bool introduces(std::string_view before) {
  constexpr std::size_t most_looked_at = 160;
  std::size_t const far = before.size() - std::min(before.size(), most_looked_at);
  std::size_t const answer = last_answer(before.substr(far));
  if (answer == none) return true;  // found by another anchor
  std::string_view const between = before.substr(far + answer + 6);
  if (!is_claimed(before.substr(0, far + answer))) return false;
  std::size_t is = none;  // behind the first "is", colon or equals sign
  bool const otherwise = any_word(between, [&](std::string_view word, std::size_t at) {
    if (is == none && listed(" is are equals be ", word)) is = at + word.size();
    return word.ends_with("n't") || listed(taken_back, word);
  });
  if (otherwise) return false;
  if (auto const sign = between.find_first_of(":="); sign != none && (is == none || sign < is)) is = sign + 1;
  return is == none || only_fillers(between.substr(is));
}

/// Does something to calculate with begin behind the white space here: a number, a letter, a bracket?
bool operand_at(std::string_view text, std::size_t at) {
  at = skip_space(text, at);
  while (at < text.size() && (text[at] == '$' || text[at] == '-')) ++at;
  if (at >= text.size()) return false;
  std::size_t end = at;
  while (end < text.size() && is_letter(text[end])) ++end;
  return is_digit(text[at]) || text[at] == '(' || text[at] == '\\' || end == at + 1 ||
         (end > at && number_of_words(text.substr(at, end - at)));
}

/// Whether the number goes on: with a fraction or a power as one character, with "+ x", "squared", "to 20", "and a
/// half".
bool is_calculated_with(std::string_view behind) {
  if (behind.starts_with('$')) behind.remove_prefix(1);
  if (begins_with_script(behind)) return true;
  std::size_t const sign = skip_space(behind, 0);
  if (sign < behind.size() && std::string_view("+-*/^=<>").find(behind[sign]) != none)
    return operand_at(behind, sign + 1);
  constexpr std::string_view functions = " squared cubed factorial ";
  constexpr std::string_view operators = " plus minus times over to through mod modulo ";
  std::array<std::string_view, 3> first;
  std::size_t count = 0;
  std::size_t ends = 0;  // of the first word
  any_word(behind, [&](std::string_view word, std::size_t at) {
    if (count == 0) ends = at + word.size();
    first[count++] = word;
    return count == first.size();
  });
  if (count == 0 || trim(behind.substr(0, ends)) != first[0]) return false;
  if (listed(functions, first[0])) return true;
  if (listed(operators, first[0])) return operand_at(behind, ends);
  if (first[0] == "divided" || first[0] == "multiplied") return first[1] == "by";
  auto const part = number_of_words("one " + std::string(first[2]));
  return first[0] == "and" && (first[1] == "half" || (!first[2].empty() && part && *part < Rational(1)));
}

/// Where a sentence ends, or npos: a point between digits, and points in a row before one, end none.
std::size_t sentence_end(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (sentence_ends.find(text[at]) == none) continue;
    std::size_t const next = text.find_first_not_of(". ", at);
    bool const row = text[at] == '.' && at + 1 < text.size() && text[at + 1] == '.';
    bool const goes_on = row ? next != none && is_digit(text[next]) : at + 1 < text.size() && is_digit(text[at + 1]);
    if (!goes_on) return at;
  }
  return none;
}

std::string_view sentence(std::string_view text) {
  constexpr std::size_t most_looked_at = 80;
  text = text.substr(0, most_looked_at);
  return text.substr(0, sentence_end(text));
}

/// Whether a sentence goes on with another answer: "or 6", "and 6", ", 6", "or less".
bool goes_on(std::string_view behind) {
  behind = sentence(behind);
  auto const number_at = [&](std::size_t at) {
    at = skip_space(behind, at);
    while (at < behind.size() && (behind[at] == '$' || behind[at] == '-')) ++at;
    if (at + 1 < behind.size() && is_letter(behind[at]) && behind[skip_space(behind, at + 1) % behind.size()] == '=')
      at = skip_space(behind, skip_space(behind, at + 1) + 1);
    return at < behind.size() && is_digit(behind[at]);
  };
  for (std::size_t comma = behind.find(','); comma != none; comma = behind.find(',', comma + 1))
    if (number_at(comma + 1)) return true;
  return any_word(behind, [&](std::string_view word, std::size_t at) {
    bool const first = trim(behind.substr(0, at)).empty();
    return (word == "or" && (first || number_at(at + word.size()))) || (word == "and" && number_at(at + word.size()));
  });
}

/// Whether the words up to the next comma make something else of the number: "15 less than 99", "15 in base 8".
bool is_changed(std::string_view behind) {
  if (behind.starts_with('$')) behind.remove_prefix(1);
  if (behind.starts_with("\\)") || behind.starts_with("\\]")) behind.remove_prefix(2);
  if (behind.starts_with('_') || behind.starts_with("!!") || behind.starts_with("\u2026")) return true;
  if (starts_with(behind, skip_space(behind, 0), "(mod")) return true;
  behind = sentence(behind);
  behind = behind.substr(0, behind.find_first_of(",("));
  if (std::size_t const dash = behind.find(" - "); dash != none) behind = behind.substr(0, dash);
  if (std::any_of(behind.begin(), behind.end(), is_digit)) return true;
  std::size_t count = 0;
  return any_word(behind, [&](std::string_view word, std::size_t) {
    bool const variable = count == 0 && word.size() == 1 && std::string_view("xyzabRi").find(word[0]) != none &&
                          !starts_with(behind, skip_space(behind, 0), "a ");
    bool const copula = count == 0 && listed(" is was isn't wasn't ", word);
    return variable || copula || (count++ < 3 && listed(changing, word));
  });
}

}  // namespace

std::string without_marks(std::string_view text) {
  std::string out(text);
  auto const begins = [](char c) { return is_digit(c) || c == '$' || c == '-' || c == '\\' || c == '.'; };
  auto const parts = [](char c) { return is_space(c) || c == ':' || c == '.' || c == ','; };
  auto const at_or_space = [&](std::size_t at) { return at < out.size() ? out[at] : ' '; };
  for (std::size_t at = out.find("**"); at != std::string::npos; at = out.find("**", at + 2)) {
    char const before = at > 0 ? out[at - 1] : ' ';
    char const behind = at_or_space(at + 2);
    if ((parts(before) && begins(behind)) || (parts(behind) && !is_letter(before))) out.replace(at, 2, "  ");
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> pairs = {
      {{"\"", "\""}, {"'", "'"}, {"`", "`"}, {"*", "*"}, {"_", "_"}, {"\u201c", "\u201d"}, {"\u2018", "\u2019"}}};
  constexpr std::size_t longest = 60;
  for (auto const& [open, close] : pairs) {
    for (std::size_t at = out.find(open); at != std::string::npos; at = out.find(open, at + open.size())) {
      if ((at > 0 && !parts(out[at - 1])) || !begins(at_or_space(at + open.size()))) continue;
      std::size_t const end = std::string_view(out).substr(0, at + open.size() + longest).find(close, at + open.size());
      if (end == none ||
          !(parts(at_or_space(end + close.size())) || sentence_ends.find(out[end + close.size()]) != none))
        continue;
      out.replace(at, open.size(), open.size(), ' ');
      out.replace(end, close.size(), close.size(), ' ');
    }
  }
  return out;
}

std::string_view said_answer(std::string_view text) {
  constexpr std::size_t longest = 100;
  std::size_t const at = last_answer(text);
  if (at == none || !is_claimed(text.substr(0, at))) return {};
  text = trim(text.substr(at + 6));
  bool const is = text.starts_with("is ") || text.starts_with("is:");
  if (is) text = trim(text.substr(2));
  bool const colon = text.starts_with(':');
  if (!is && !colon) return {};
  if (colon) text.remove_prefix(1);
  text = text.substr(0, sentence_end(text));
  auto const mark = [](char c) { return c == '*' || is_space(c); };
  while (!text.empty() && mark(text.front())) text.remove_prefix(1);
  while (!text.empty() && mark(text.back())) text.remove_suffix(1);
  return text.size() > longest ? std::string_view() : text;
}

std::string_view with_what_belongs_to_it(std::string_view text, std::string_view piece) {
  constexpr std::size_t most = 40;
  auto const begin = static_cast<std::size_t>(piece.data() - text.data());
  std::size_t end = begin + piece.size();
  auto const glued = [&](std::size_t at) {
    // Letters of every alphabet, not the punctuation of others (U+2000 and on, U+3000 and on).
    auto const c = static_cast<unsigned char>(text[at]);
    bool const sign = c == 0xe3 || c == 0xef || (c == 0xe2 && at + 1 < text.size() && text[at + 1] == '\x80');
    return is_letter(text[at]) || (c >= 0x80 && !sign);
  };
  if (end < text.size() && glued(end)) {
    while (end < text.size() && end - begin < piece.size() + most && !is_space(text[end])) ++end;
    return text.substr(begin, end - begin);
  }
  if (text.substr(end, 1) == "$") ++end;
  std::size_t const word = skip_space(text, end);
  std::size_t behind = word;
  while (behind < text.size() && behind - word < most && is_letter(text[behind])) ++behind;
  return magnitude(text.substr(word, behind - word)) != 0 ? text.substr(begin, behind - begin) : piece;
}

bool says_only(std::string_view before, std::string_view behind) {
  return introduces(before) && !is_calculated_with(behind) && !goes_on(behind) && !is_changed(behind);
}

}  // namespace grove::math::detail
