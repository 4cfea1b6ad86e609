// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "grove/math/ascii.hpp"
#include "grove/math/normalize.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

// The words that Math-Verify takes for units. Single letters are among them, and words that are none.
constexpr std::string_view unit_words[] = {"integerpoint",
                                           "feet",
                                           "sue",
                                           "digit",
                                           "pound",
                                           "meal",
                                           "edge",
                                           "student",
                                           "children ticket",
                                           "multiple",
                                           "east",
                                           "degree",
                                           "mph",
                                           "kmph",
                                           "ft",
                                           "m square",
                                           " m east",
                                           "sq m",
                                           "deg",
                                           "mile",
                                           "q .",
                                           "monkey",
                                           "prime",
                                           "ratio",
                                           "profit of rs",
                                           "rd",
                                           "o",
                                           "gm",
                                           "p . m",
                                           "lb",
                                           "tile",
                                           "per",
                                           "dm",
                                           "lt",
                                           "gain",
                                           "ab",
                                           "way",
                                           "west",
                                           "a .",
                                           "b .",
                                           "c .",
                                           "d .",
                                           "e .",
                                           "f .",
                                           "g .",
                                           "h .",
                                           "t",
                                           "h",
                                           "no change",
                                           "men",
                                           "soldier",
                                           "pie",
                                           "bc",
                                           "excess",
                                           "st",
                                           "inches",
                                           "noon",
                                           "cent",
                                           "by",
                                           "gal",
                                           "kmh",
                                           "c",
                                           "acre",
                                           "rise",
                                           "a . m",
                                           "th",
                                           "\xCF\x80 r 2",
                                           "sq",
                                           "mark",
                                           "l",
                                           "toy",
                                           "coin",
                                           "sq . m",
                                           "gallon",
                                           "\xC2\xB0 f",
                                           "profit",
                                           "minw",
                                           "yr",
                                           "women",
                                           "am",
                                           "pm",
                                           "hr",
                                           "cu cm",
                                           "square",
                                           "are",
                                           "rupee",
                                           "rounds",
                                           "cubic",
                                           "cc",
                                           "mtr",
                                           "s",
                                           "ohm",
                                           "number",
                                           "day",
                                           "hour",
                                           "minute",
                                           "min",
                                           "second",
                                           "man",
                                           "woman",
                                           "sec",
                                           "cube",
                                           "mt",
                                           "sq inch",
                                           "mp",
                                           "hectare",
                                           "more",
                                           "unit",
                                           "cu . m",
                                           "cm 2",
                                           "rs .",
                                           "rs",
                                           "kg",
                                           "g",
                                           "month",
                                           "km",
                                           "m",
                                           "cm",
                                           "mm",
                                           "apple",
                                           "liter",
                                           "loss",
                                           "yard",
                                           "pure",
                                           "year",
                                           "increase",
                                           "decrease",
                                           "d",
                                           "less",
                                           "Surface",
                                           "litre",
                                           "pi sq m",
                                           "s .",
                                           "metre",
                                           "meter",
                                           "inch",
                                           "v \xC3\xA2 \xE2\x82\xAC \xE2\x84\xA2",
                                           "\xE2\x88\x8F cm \xC2\xB3",
                                           "sq m"};

bool is_digit_or_brace(char c) { return is_digit(c) || c == '}'; }

/// Does the text end with a unit? A point in a unit's name stands for any character: the list is one of patterns.
/// The length of what matches, 0 if nothing does.
std::size_t suffix_length(std::string_view text, std::string_view unit) {
  std::size_t at = text.size();
  for (std::size_t i = unit.size(); i-- > 0;) {
    if (at == 0) return 0;
    --at;
    if (unit[i] != '.') {
      if (text[at] != unit[i]) return 0;
      continue;
    }
    while (at > 0 && is_continuation(text[at])) --at;
  }
  return text.size() - at;
}

/// Where the match of a unit that fills text[word, end) begins: at the digit, brace or white space that is kept.
std::size_t kept_before(std::string_view text, std::size_t word) {
  std::size_t i = word;
  while (i > 0 && is_space(text[i - 1])) --i;
  if (i > 0 && is_digit_or_brace(text[i - 1])) return i - 1;
  return i < word ? i : none;
}

/// Cuts a unit from the end; false if there is none.
bool cut_unit(std::string& text) {
  std::string_view const trimmed =
      std::string_view(text).substr(0, trim(text).data() + trim(text).size() - text.data());
  if (trimmed.empty()) return false;
  char const last = trimmed.back();
  bool const possible = is_letter(last) || last == '2' || static_cast<unsigned char>(last) >= 0x80;
  if (!possible && (trimmed.size() < 2 || trimmed[trimmed.size() - 2] != ' ')) return false;
  std::size_t best = none;
  for (std::string_view const plural : {"", "s", "es"}) {
    if (!trimmed.ends_with(plural)) continue;
    std::string_view const stem = trimmed.substr(0, trimmed.size() - plural.size());
    for (std::string_view const unit : unit_words) {
      std::size_t const length = suffix_length(stem, unit);
      if (length != 0) best = std::min(best, kept_before(trimmed, stem.size() - length));
    }
  }
  if (best == none) return false;
  text.resize(best + 1);
  return true;
}

/// The first `\text{` or `\mbox{`, if the text ends with a closing brace and perhaps an exponent.
std::size_t wrapped_unit(std::string_view text) {
  std::size_t end = text.size();
  if (end >= 4 && text[end - 1] == '}' && is_digit(text[end - 2]) && text.substr(end - 4, 2) == "{^") {
    if (end >= 5 && text[end - 5] == '}') end -= 4;
  } else if (end >= 3 && is_digit(text[end - 1]) && text[end - 2] == '^') {
    end -= 2;
  }
  if (end == 0 || text[end - 1] != '}') return none;
  std::size_t const begin = std::min(text.find("\\text{"), text.find("\\mbox{"));
  return begin != none && begin + 6 <= end - 1 ? begin : none;
}

}  // namespace

void normalize_units(std::string& text) {
  std::string_view const rest = trim(std::string_view(text).substr(0, wrapped_unit(text)));
  if (!rest.empty() && rest.size() != text.size()) text = std::string(rest);
  for (int round = 0; round < 2; ++round) {
    if (!cut_unit(text)) return;
  }
}

}  // namespace grove::math::detail
