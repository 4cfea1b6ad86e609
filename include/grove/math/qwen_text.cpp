// SPDX-License-Identifier: Apache-2.0
#include "grove/math/qwen_text.hpp"

#include <algorithm>
#include <array>

#include "grove/math/ascii.hpp"
#include "grove/math/normalize.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

// Removed wherever they stand between characters that belong to no word; a point stands for any character.
constexpr std::string_view units[] = {
    "east",     "degree",   "mph",        "kmph",         "ft",      "m sqaure",     " m east", "sq m",    "deg",
    "mile",     "q .",      "monkey",     "prime",        "ratio",   "profit of rs", "rd",      "o",       "gm",
    "p . m",    "lb",       "tile",       "per",          "dm",      "lt",           "gain",    "ab",      "way",
    "west",     "a .",      "b .",        "c .",          "d .",     "e .",          "f .",     "g .",     "h .",
    "t",        "a",        "h",          "no change",    "men",     "soldier",      "pie",     "bc",      "excess",
    "st",       "inches",   "noon",       "percent",      "by",      "gal",          "kmh",     "c",       "acre",
    "rise",     "a . m",    "th",         "\xCF\x80 r 2", "sq",      "mark",         "l",       "toy",     "coin",
    "sq . m",   "gallon",   "\xC2\xB0 f", "profit",       "minw",    "yr",           "women",   "feet",    "am",
    "pm",       "hr",       "cu cm",      "square",       "are",     "rupee",        "rounds",  "cubic",   "cc",
    "mtr",      "s",        "ohm",        "number",       "day",     "hour",         "minute",  "min",     "second",
    "man",      "woman",    "sec",        "cube",         "mt",      "sq inch",      "mp",      "hectare", "more",
    "unit",     "cu . m",   "cm 2",       "rs .",         "rs",      "kg",           "g",       "month",   "km",
    "m",        "cm",       "mm",         "apple",        "liter",   "loss",         "yard",    "pure",    "year",
    "increase", "decrease", "d",          "less",         "Surface", "litre",        "pi sq m", "s .",     "metre",
    "meter",    "inch"};

bool word_character(char c) { return is_word(c) || static_cast<unsigned char>(c) >= 0x80; }

/// The length of a unit (with its plural's s) at a position; 0 if it is not there.
std::size_t unit_at(std::string_view text, std::size_t at, std::string_view unit, bool plural) {
  std::size_t i = at;
  for (char const c : unit) {
    if (i >= text.size() || (c != '.' && text[i] != c)) return 0;
    i = c == '.' ? next_character(text, i) : i + 1;
  }
  if (plural && (i >= text.size() || text[i++] != 's')) return 0;
  return i - at;
}

/// Takes a unit away between (^|\W) and ($|\W); a character between two places counts for the first only.
void remove_unit(std::string& text, std::string& scratch, std::string_view unit, bool plural) {
  if (unit[0] != '.' && text.find(unit[0]) == none) return;
  scratch.clear();
  bool changed = false;
  std::size_t i = 0;
  while (i <= text.size()) {
    // A match begins with the text or with a character of no word.
    std::size_t const lead = i < text.size() && !word_character(text[i]) ? 1 : 0;
    bool matched = false;
    for (std::size_t const skip : {std::size_t{0}, lead}) {
      if (skip == 0 && i != 0) continue;
      if (skip == 0 && lead == 1 && i == 0 && unit[0] == text[0] && unit[0] == ' ') continue;
      std::size_t const length = unit_at(text, i + skip, unit, plural);
      std::size_t const end = i + skip + length;
      if (length == 0 || (end < text.size() && word_character(text[end]))) continue;
      std::size_t const tail = end < text.size() ? 1 : 0;
      scratch.append(text, i, skip).append(text, end, tail);
      i = end + tail;
      matched = changed = true;
      break;
    }
    if (matched) {
      if (i >= text.size()) break;
      continue;
    }
    if (i < text.size()) scratch += text[i];
    ++i;
  }
  if (changed && !scratch.empty()) text.swap(scratch);
}

/// Takes `\text{` (or another head) up to the next brace away, or opens it.
void open_groups(std::string& text, std::string& scratch, std::string_view head, bool keep) {
  std::size_t at = text.find(head);
  if (at == none) return;
  scratch.clear();
  std::size_t from = 0;
  while (at != none) {
    std::size_t const close = text.find('}', at + head.size());
    if (close == none) break;
    scratch.append(text, from, at - from);
    if (keep) scratch.append(text, at + head.size(), close - at - head.size());
    from = close + 1;
    at = text.find(head, from);
  }
  scratch.append(text, from);
  text.swap(scratch);
}

/// Digits, a point and zeros lose point and zeros where no digit follows.
void drop_zero_decimals(std::string& text, std::string& scratch) {
  scratch.clear();
  for (std::size_t i = 0; i < text.size();) {
    bool const point = text[i] == '.' && i > 0 && is_digit(text[i - 1]);
    std::size_t end = i + 1;
    while (point && end < text.size() && text[end] == '0') ++end;
    if (point && (end == text.size() || !is_digit(text[end]))) {
      i = end;
      continue;
    }
    scratch += text[i++];
  }
  text.swap(scratch);
}

/// `\sqrt12` becomes `\sqrt{12}`.
void brace_roots(std::string& text, std::string& scratch) {
  std::size_t at = text.find("\\sqrt");
  if (at == none) return;
  scratch.clear();
  std::size_t from = 0;
  for (; at != none; at = text.find("\\sqrt", from)) {
    std::size_t const begin = at + 5;
    std::size_t end = begin;
    while (end < text.size() && word_character(text[end])) ++end;
    scratch.append(text, from, begin - from);
    if (end > begin) scratch.append("{").append(text, begin, end - begin).append("}");
    from = end;
  }
  scratch.append(text, from);
  text.swap(scratch);
}

/// `\frac12` becomes `\frac{1}{2}`.
void brace_fractions(std::string& text, std::string& scratch) {
  constexpr std::string_view head = "\\frac";
  std::size_t at = text.find(head);
  if (at == none) return;
  scratch.clear();
  std::size_t from = 0;
  for (; at != none; at = text.find(head, from)) {
    std::size_t const begin = at + head.size();
    scratch.append(text, from, begin - from);
    from = begin;
    if (starts_with(text, begin, "{")) continue;
    std::size_t const next = std::min(text.find(head, begin), text.size());
    std::size_t const a = next_character(text, begin);
    if (a >= next) return;  // less than two characters, of whatever bytes
    scratch.append("{").append(text, begin, a - begin).append("}");
    from = a;
    if (starts_with(text, a, "{")) continue;
    std::size_t const b = next_character(text, a);
    scratch.append("{").append(text, a, b - a).append("}");
    from = b;
  }
  scratch.append(text, from);
  text.swap(scratch);
}

bool integer_text(std::string_view text) {
  if (text.find("sqrt") != none) return true;
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && (text[0] != '0' || text.size() == 1) && std::all_of(text.begin(), text.end(), is_digit);
}

void slash_to_fraction(std::string& text) {
  std::size_t const at = text.find('/');
  if (at == none || text.find('/', at + 1) != none) return;
  std::string const a = text.substr(0, at);
  std::string const b = text.substr(at + 1);
  if (integer_text(a) && integer_text(b)) text = "\\frac{" + a + "}{" + b + "}";
}

/// The first half of the steps: what is no mathematics.
void strip_wrappers(std::string& text, std::string& scratch) {
  for (auto const& [what, by] : {std::pair<std::string_view, std::string_view>{"\n", ""}, {"\\!", ""}}) {
    if (what == "\\!") {
      while (text.ends_with('.')) text.pop_back();
    }
    replace_all(text, scratch, what, by);
  }
  for (std::size_t at = text.find("\\begin{array}{"); at != none; at = text.find("\\begin{array}{", at)) {
    std::size_t const close = text.find('}', at + 14);
    if (close == none) break;
    text.replace(at, close + 1 - at, "\\begin{pmatrix}");
  }
  constexpr std::pair<std::string_view, std::string_view> plain[] = {{"\\end{array}", "\\end{pmatrix}"},
                                                                     {"bmatrix", "pmatrix"},
                                                                     {"tfrac", "frac"},
                                                                     {"dfrac", "frac"},
                                                                     {"\\neq", "\\ne"},
                                                                     {"\\leq", "\\le"},
                                                                     {"\\geq", "\\ge"},
                                                                     {"\\left", ""},
                                                                     {"\\right", ""},
                                                                     {"\\{", "{"},
                                                                     {"\\}", "}"}};
  for (auto const& [what, by] : plain) replace_all(text, scratch, what, by);
  std::size_t const words = text.ends_with('}') ? text.find("\\text{") : none;
  if (words != none && words + 6 < text.size()) {
    std::string_view const rest = trim(std::string_view(text).substr(0, words));
    if (!rest.empty()) text = std::string(rest);
  }
  bool const letters = std::any_of(text.begin(), text.end(), [](char c) { return word_character(c) && !is_digit(c); });
  for (int round = 0; letters && round < 2; ++round) {
    for (bool const plural : {false, true}) {
      for (auto const unit : units) remove_unit(text, scratch, unit, plural);
    }
  }
  for (std::string_view const what : {"^{\\circ}", "^\\circ", "\\$", "$", "\\(", "\\)"}) {
    replace_all(text, scratch, what, "");
  }
}

}  // namespace

std::string qwen_strip(std::string_view raw) {
  if (raw.size() > 2048) return {};
  std::string text(trim(raw));
  std::string scratch;
  strip_wrappers(text, scratch);
  std::string_view const digits = trim(text);
  if (!digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit)) {
    std::size_t const first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    text = std::string(digits.substr(first));
  }
  open_groups(text, scratch, "\\text{", true);
  for (std::string_view const key : {"x=", "y=", "z=", "x\\in", "y\\in", "z\\in", "x\\to", "y\\to", "z\\to"}) {
    replace_all(text, scratch, key, "");
  }
  constexpr std::pair<std::string_view, std::string_view> names[] = {{"\\emptyset", "{}"},
                                                                     {"(-\\infty,\\infty)", "\\mathbb{R}"},
                                                                     {"\\%", ""},
                                                                     {"%", ""},
                                                                     {" .", " 0."},
                                                                     {"{.", "{0."},
                                                                     {"infinity", "\\infty"}};
  for (auto const& [what, by] : names) replace_all(text, scratch, what, by);
  if (text.find("\\infty") == none) replace_all(text, scratch, "inf", "\\infty");
  replace_all(text, scratch, "and", "");
  replace_all(text, scratch, "\\mathbf", "");
  open_groups(text, scratch, "\\mbox{", false);
  if (text.find('j') != none && text.find('i') == none) std::replace(text.begin(), text.end(), 'j', 'i');
  drop_zero_decimals(text, scratch);
  if (text.empty()) return text;
  if (text[0] == '.') text.insert(0, 1, '0');
  std::size_t const equals = text.find('=');
  if (equals <= 2 && text.find('=', equals + 1) == none) text.erase(0, equals + 1);
  brace_roots(text, scratch);
  replace_all(text, scratch, " ", "");
  brace_fractions(text, scratch);
  slash_to_fraction(text);
  return text;
}

namespace {

/// The content of the last `boxed{..}`; where no brace follows, the rest up to a dollar sign.
std::string_view last_box(std::string_view text, std::size_t boxed) {
  std::string_view const rest = text.substr(boxed + 5);
  if (rest.empty()) return rest;
  if (rest[0] != '{') return trim(rest.substr(0, rest.find('$')));
  std::size_t depth = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '{') ++depth;
    if (rest[i] == '}' && --depth == 0) return rest.substr(1, i - 1);
  }
  return rest.substr(1);
}

/// Without each line break and the white space behind it.
std::string without_line_breaks(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\n') {
      i = skip_space(text, i);
    } else {
      out += text[i++];
    }
  }
  return out;
}

std::string last_number(std::string_view text) {
  // Of the text without commas; from the end: digits, a point, digits, a sign.
  std::size_t end = text.size();
  while (end > 0 && !is_digit(text[end - 1])) --end;
  std::string reversed;
  bool point = false;
  std::size_t i = end;
  for (; i > 0; --i) {
    char const c = text[i - 1];
    if (c == ',') continue;
    if (c == '.' && !point) {
      point = true;
    } else if (!is_digit(c)) {
      break;
    }
    reversed += c;
  }
  if (i > 0 && text[i - 1] == '-' && !reversed.empty()) reversed += '-';
  return {reversed.rbegin(), reversed.rend()};
}

}  // namespace

std::string qwen_answer(std::string_view completion) {
  constexpr std::string_view dollar = "final answer is $";
  constexpr std::string_view hope = "$. I hope";
  std::string found;
  std::size_t const final_dollar = completion.find(dollar);
  std::size_t const boxed = completion.rfind("boxed");
  if (final_dollar != none && completion.find(hope) != none) {
    std::string_view const rest = completion.substr(final_dollar + dollar.size());
    found = trim(rest.substr(0, rest.find(hope)));
  } else if (boxed != none) {
    found = last_box(completion, boxed);
  } else if (std::size_t const answer = completion.rfind("he answer is"); answer != none) {
    found = trim(completion.substr(answer + 12));
  } else if (std::size_t const final_is = completion.rfind("final answer is"); final_is != none) {
    found = trim(completion.substr(final_is + 15));
  } else {
    found = last_number(completion);
  }
  if (found.find('\n') != none) found = without_line_breaks(found);
  if (found.starts_with(':')) found.erase(0, 1);
  if (found.ends_with('.')) found.pop_back();
  if (found.ends_with('/')) found.pop_back();
  return qwen_strip(found);
}

}  // namespace grove::math::detail
