// SPDX-License-Identifier: Apache-2.0
#include "grove/math/normalize.hpp"

#include <algorithm>
#include <array>

#include "grove/math/ascii.hpp"
#include "grove/math/boxes.hpp"

namespace grove::math {
namespace detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

/// The first of some strings that stands at a position; empty if none does.
template <std::size_t N>
std::string_view first_at(std::string_view text, std::size_t at, std::array<std::string_view, N> const& strings) {
  for (auto const string : strings) {
    if (starts_with(text, at, string)) return string;
  }
  return {};
}

constexpr std::array<std::string_view, 16> left_delimiters{
    "\\{",      "{",      "\\|",     "|",       "[",        "(",        "\\lgroup",   "\\lbrace",
    "\\lbrack", "\\vert", "\\lvert", "\\lceil", "\\lfloor", "\\langle", "\\llcorner", "\\ulcorner"};
constexpr std::array<std::string_view, 16> right_delimiters{
    "\\}",      "}",      "\\|",     "|",       "]",        ")",        "\\rgroup",   "\\rbrace",
    "\\rbrack", "\\vert", "\\rvert", "\\rceil", "\\rfloor", "\\rangle", "\\lrcorner", "\\urcorner"};

/// `\left(` becomes `(`.
void strip_sizes(std::string& text, std::string& scratch, std::string_view word,
                 std::array<std::string_view, 16> const& delimiters) {
  if (text.find(word) == none) return;
  scratch.clear();
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    if (text[i] == '\\') {
      if (starts_with(text, i + 1, word)) length = 1 + word.size();
      if (starts_with(text, i + 1, "m") && starts_with(text, i + 2, word)) length = 2 + word.size();
    }
    auto const delimiter = length != 0 ? first_at(text, i + length, delimiters) : std::string_view{};
    if (delimiter.empty()) {
      scratch += text[i++];
    } else {
      scratch += delimiter;
      i += length + delimiter.size();
    }
  }
  text.swap(scratch);
}

/// `(n)_{k}` is read as a falling factorial.
void expand_permutations(std::string& text, std::string& scratch) {
  if (text.find(")_{") == none) return;
  auto simple = [](char c) { return is_digit(c) || is_letter(c) || std::string_view("+-*/\\ ").find(c) != none; };
  scratch.clear();
  for (std::size_t i = 0; i < text.size();) {
    std::size_t upper = i + 1;
    if (text[i] == '(') {
      while (upper < text.size() && simple(text[upper])) ++upper;
    }
    if (text[i] == '(' && upper > i + 1 && starts_with(text, upper, ")_{")) {
      std::size_t lower = upper + 3;
      while (lower < text.size() && simple(text[lower])) ++lower;
      if (lower > upper + 3 && starts_with(text, lower, "}")) {
        std::string_view const n = std::string_view(text).substr(i + 1, upper - i - 1);
        std::string_view const k = std::string_view(text).substr(upper + 3, lower - upper - 3);
        scratch.append("\\frac{(").append(n).append(")!}{((").append(n).append(")-(").append(k).append("))!}");
        i = lower + 1;
        continue;
      }
    }
    scratch += text[i++];
  }
  text.swap(scratch);
}

/// `\text{ }` at a position: its length, or 0.
std::size_t empty_text(std::string_view text, std::size_t at) {
  if (!starts_with(text, at, "\\text")) return 0;
  std::size_t i = skip_space(text, at + 5);
  if (!starts_with(text, i, "{")) return 0;
  i = skip_space(text, i + 1);
  return starts_with(text, i, "}") ? i + 1 - at : 0;
}

/// Dollars, quotes, negative spaces and other things without meaning.
void remove_useless(std::string& text, std::string& scratch) {
  if (text.find_first_of("\\$\"'") == none) return;
  scratch.clear();
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    if (text[i] == '\\') {
      if (starts_with(text, i, "\\mathrm{th}")) length = 11;
      if (starts_with(text, i, "\\!")) length = skip_space(text, i + 2) - i;
      if (length == 0) length = empty_text(text, i);
      if (starts_with(text, i, "\\$")) length = 2;
      if (starts_with(text, i, "\\displaystyle")) length = 13;
    } else if (text[i] == '$' || ((text[i] == '"' || text[i] == '\'') && (i == 0 || text[i - 1] != '\\'))) {
      length = 1;
    }
    if (length == 0) scratch += text[i++];
    i += length;
  }
  text.swap(scratch);
}

struct Replacement {
  std::size_t length = 0;  ///< of what is replaced; 0: nothing
  std::string_view by;
};

/// A percent word behind white space, as a whole word.
bool percent_word(std::string_view text, std::size_t begin, std::size_t at, std::string_view word) {
  if (!starts_with(text, at, word)) return false;
  bool const starts = at == 0 || !is_word(text[at - 1]);
  bool const ends = at + word.size() >= text.size() || !is_word(text[at + word.size()]);
  return starts && ends && begin <= at;
}

/// `\text{ and }` and the like at a position: its length, or 0.
std::size_t and_in_text(std::string_view text, std::size_t at) {
  if (!starts_with(text, at, "\\text{")) return 0;
  std::size_t i = skip_space(text, at + 6);
  i += starts_with(text, i, "and") ? 3 : starts_with(text, i, "or") ? 2 : 0;
  if (i == 0 || (text[i - 1] != 'd' && text[i - 1] != 'r')) return 0;
  i = skip_space(text, i);
  return starts_with(text, i, "}") ? i + 1 - at : 0;
}

/// The command replacements at a backslash.
Replacement replace_command(std::string_view text, std::size_t i) {
  if (starts_with(text, i, "\\math")) {
    for (auto const kind : {"rm", "it", "bf"}) {
      if (starts_with(text, i + 5, kind)) return {7, "\\text"};
    }
  }
  if (starts_with(text, i, "\\text")) {
    if (starts_with(text, i + 5, "normal")) return {11, "\\text"};
    for (auto const kind : {"bf", "it", "rm"}) {
      if (starts_with(text, i + 5, kind)) return {7, "\\text"};
    }
  }
  if (i + 1 < text.size() && std::string_view("dtc").find(text[i + 1]) != none && starts_with(text, i + 2, "frac")) {
    return {6, "\\frac"};
  }
  if (std::size_t const length = and_in_text(text, i); length != 0) return {length, ","};
  if ((i == 0 || text[i - 1] != '\\') && i + 1 < text.size() && is_space(text[i + 1])) return {2, " "};
  if (starts_with(text, i, "\\ldots")) return {6, " "};
  constexpr std::array<std::string_view, 3> words{"\\text{percentage}", "\\text{percent}", "\\text{pct}"};
  if (auto const word = first_at(text, i, words); !word.empty()) return {word.size(), "%"};
  return {};
}

/// What is replaced at a place that begins with white space, a comma or a letter: separators and words.
Replacement replace_word(std::string_view text, std::size_t i) {
  std::size_t const comma = starts_with(text, i, ",") ? 1 : 0;
  std::size_t const word = skip_space(text, i + comma);
  bool const spaced = word > i + comma;
  if (comma == 0 && spaced && starts_with(text, i + 1, ".")) return {2, " 0."};
  if (comma == 0 && starts_with(text, word, "{")) {
    std::size_t const inner = skip_space(text, word + 1);
    if (starts_with(text, inner, ",")) {
      std::size_t const close = skip_space(text, inner + 1);
      if (starts_with(text, close, "}")) return {close + 1 - i, ","};
    }
    return {};
  }
  std::size_t const length = starts_with(text, word, "and") ? 3 : starts_with(text, word, "or") ? 2 : 0;
  if (length != 0 && (i == 0 || !is_letter(text[i - 1])) &&
      (word + length >= text.size() || !is_letter(text[word + length]))) {
    return {word + length - i, ","};
  }
  if (std::size_t const boxed = and_in_text(text, word); boxed != 0) return {word + boxed - i, ","};
  if (comma != 0) return starts_with(text, i, ",\\ldots") ? Replacement{7, " "} : Replacement{};
  constexpr std::array<std::string_view, 3> words{"percentage", "percent", "pct"};
  for (auto const percent : words) {
    if (percent_word(text, i, word, percent)) return {word + percent.size() - i, "\\%"};
  }
  if (!spaced && starts_with(text, i, "infinity")) return {8, "\\infty"};
  if (!spaced && starts_with(text, i, "inf") && (i == 0 || text[i - 1] != '\\')) return {3, "\\infty"};
  if (starts_with(text, i, " sqrt")) return {5, "\\sqrt"};
  return {};
}

Replacement replacement_at(std::string_view text, std::size_t i) {
  char const c = text[i];
  if (c == '\\') return replace_command(text, i);
  if (c == '{' && starts_with(text, i, "{.")) return {2, "{0."};
  if (c == '~') return starts_with(text, i, "~=") ? Replacement{2, "\\approx"} : Replacement{};
  if (is_space(c) || c == ',' || c == '{' || c == 'a' || c == 'o' || c == 'p' || c == 'i') return replace_word(text, i);
  return {};
}

void replace_synonyms(std::string& text, std::string& scratch) {
  scratch.clear();
  for (std::size_t i = 0; i < text.size();) {
    Replacement const replacement = replacement_at(text, i);
    if (replacement.length == 0) {
      scratch += text[i++];
    } else {
      scratch += replacement.by;
      i += replacement.length;
    }
  }
  text.swap(scratch);
}

/// `\\frac` becomes `\frac`.
void single_backslashes(std::string& text, std::string& scratch) {
  if (text.find("\\\\") == none || text.find("matrix") != none) return;
  scratch.clear();
  for (std::size_t i = 0; i < text.size();) {
    if (starts_with(text, i, "\\\\") && i + 2 < text.size() && is_letter(text[i + 2])) {
      scratch += '\\';
      i += 2;
    } else {
      scratch += text[i++];
    }
  }
  text.swap(scratch);
}

}  // namespace

void replace_all(std::string& text, std::string& scratch, std::string_view what, std::string_view by) {
  std::size_t at = text.find(what);
  if (at == none) return;
  scratch.clear();
  std::size_t from = 0;
  for (; at != none; at = text.find(what, from)) {
    scratch.append(text, from, at - from).append(by);
    from = at + what.size();
  }
  scratch.append(text, from);
  text.swap(scratch);
}

void normalize_basic(std::string& text, std::string& scratch) {
  if (text.find('\\') != none) {
    replace_all(text, scratch, "\\mathrm{T}", "T");
    replace_all(text, scratch, "\\mathrm{d}", "d");
    replace_all(text, scratch, "{\\rm d}", "d");
    replace_all(text, scratch, "\\left[\\begin{matrix}", "\\begin{bmatrix}");
    replace_all(text, scratch, "\\end{matrix}\\right]", "\\end{bmatrix}");
    strip_sizes(text, scratch, "left", left_delimiters);
    strip_sizes(text, scratch, "right", right_delimiters);
  }
  expand_permutations(text, scratch);
  remove_useless(text, scratch);
  replace_synonyms(text, scratch);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  single_backslashes(text, scratch);
}

std::string_view last_equation_part(std::string_view text) {
  if (text.find_first_of(",;") != none) return text;
  std::size_t parts = 1;
  std::size_t last = 0;
  for (std::size_t i = text.find('='); i != none; i = text.find('=', i + 1)) {
    if (i > 0 && std::string_view("\\<!>").find(text[i - 1]) != none) continue;
    ++parts;
    last = i + 1;
  }
  return parts > 2 ? text.substr(last) : text;
}

}  // namespace detail

std::string_view Normalizer::operator()(std::string_view latex, Normalization const& options) {
  if (options.boxed == BoxMode::None || !detail::box_contents(latex, options.boxed, text_)) {
    if (latex.size() > most_bytes) return {};
    text_.assign(latex);
  }
  if (text_.size() > most_bytes) return {};
  if (options.basic) detail::normalize_basic(text_, other_);
  if (options.equations) text_ = std::string(detail::last_equation_part(text_));
  if (options.units) detail::normalize_units(text_);
  if (options.nits) {
    if (text_.starts_with('.')) text_.insert(0, 1, '0');
    if (text_ == "0.5") text_ = "\\frac{1}{2}";
  }
  if (options.malformed_operators) detail::normalize_malformed(text_, other_);
  return detail::trim(text_);
}

}  // namespace grove::math
