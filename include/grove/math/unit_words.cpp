// SPDX-License-Identifier: Apache-2.0
// Words behind a number: what it counts or measures in, what changes it, what says something else.
#include <algorithm>
#include <iterator>

#include "grove/math/ascii.hpp"
#include "grove/math/words.hpp"

namespace grove::math::detail {
namespace {

// clang-format off
// Things that answers count or measure in; plurals with s and es are found too.
constexpr std::string_view unit_names[] = {
    "acre", "am", "amp", "ampere", "angstrom", "apple", "arcsec", "arcsecond", "atm", "au", "bar", "base", "billion",
    "bit", "block", "book", "box", "byte", "candy", "card", "cc", "cd", "cent", "centimeter", "centimetre", "child",
    "children", "cm", "cookie", "coin", "cube", "cubic", "cubit", "cup", "day", "deg", "degree", "diagonal", "digit",
    "dime", "dm", "dollar", "dozen", "dyne", "edge", "egg", "erg", "euro", "ev", "face", "fathom", "feet", "flower",
    "foot", "ft", "furlong", "furlongs", "gal", "gallon", "gev", "game", "girl", "gm", "gram", "grams", "ha",
    "hectare", "hour", "hr", "hz", "in", "inch", "integer", "joule", "kcal", "kelvin", "kev", "kg", "kilogram",
    "kilometer", "kilometre", "kj", "km", "kmh", "kmph", "kn", "knot", "kpa", "kw", "lb", "leaf", "lbs", "league",
    "lightyear", "line", "liter", "litre", "lux", "marble", "meal", "megabyte", "men", "meter", "metre", "mev", "mg",
    "mhz", "mi", "mile", "million", "min", "minute", "ml", "mm", "mol", "mole", "month", "mph", "newton", "nickel",
    "nm", "number", "ohm", "orange", "ounce", "oz", "page", "pair", "pascal", "pcs", "people", "pencil", "penny",
    "pennies", "person", "piece", "plane", "player", "pm", "pound", "problem", "quart", "quarter", "rad", "radian",
    "ratio", "rev", "revolution", "rod", "rpm", "rs", "ruble", "rupee", "sec", "second", "side", "solution", "sq",
    "square", "squarecm", "step", "stick", "student", "ticket", "time", "ton", "tonne", "toy", "tree", "triangle",
    "unit", "vertex", "vertices", "volt", "watt", "way", "week", "woman", "women", "word", "yard", "yd", "year",
    "yen", "yr", "yuan"};

// Words that no name of a unit or of a thing contains.
constexpr std::string_view more_words[] = {
    "or", "and", "not", "no", "nor", "neither", "either", "both", "more", "less", "fewer", "least", "most", "than",
    "over", "under", "about", "around", "almost", "nearly", "roughly", "if", "unless", "when", "where", "for",
    "except", "but", "plus", "minus", "factorial", "half", "halves", "third", "thirds", "fourth", "fourths", "fifth",
    "fifths", "sixth", "sixths", "seventh", "sevenths", "eighth", "eighths", "ninth", "ninths", "tenth", "tenths",
    "hundredth", "hundredths", "thousandth", "thousandths", "is", "are", "was", "were", "be", "wrong", "incorrect",
    "false", "remainder", "mod", "modulo", "below", "above", "negative", "zero", "one", "two", "three", "four",
    "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
    "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    "hundred", "thousand", "million", "billion", "trillion", "dozen", "to", "through", "until", "pi", "infinity",
    "sqrt", "between", "maybe", "perhaps", "possibly", "probably", "instead", "then", "because", "since", "so",
    "hence", "thus", "that", "which", "from", "with", "without", "up", "choose", "divided", "multiplied", "by",
    "unknown", "approximately", "approx", "root", "equals", "equal", "base", "modulus", "squared", "cubed",
    "hundreds", "thousands", "millions", "tens", "gross", "score", "quarter", "quarters", "ones", "permille", "ago",
    "bn", "mil", "mln", "mio", "greater", "smaller", "larger", "bigger", "too", "off", "reciprocal", "inverse",
    "opposite", "complement", "extraneous", "invalid", "impossible", "rejected", "excluded", "negated", "doubled",
    "tripled", "halved", "increased", "decreased", "subtracted", "omitted", "point", "cannot", "never", "otherwise",
    "else", "textperthousand"};
// clang-format on

}  // namespace

bool is_unit(std::string_view word) {
  char small[16];
  if (word.empty() || word.size() > sizeof small) return false;
  std::transform(word.begin(), word.end(), small, lower);
  std::string_view const name(small, word.size());
  auto known = [](std::string_view unit) {
    return std::find(std::begin(unit_names), std::end(unit_names), unit) != std::end(unit_names);
  };
  if (known(name)) return true;
  if (name.size() > 2 && name.ends_with('s') && known(name.substr(0, name.size() - 1))) return true;
  return name.size() > 3 && name.ends_with("es") && known(name.substr(0, name.size() - 2));
}

std::int64_t magnitude(std::string_view word) {
  if (word == "hundred") return 100;
  if (word == "thousand") return 1000;
  if (word == "million") return 1'000'000;
  if (word == "billion") return 1'000'000'000;
  if (word == "trillion") return 1'000'000'000'000;
  return word == "dozen" ? 12 : 0;
}

bool says_more(std::string_view words) {
  bool first = true;
  for (std::size_t at = 0; at < words.size(); first = false) {
    std::size_t const begin = at;
    if (is_digit(words[at])) return true;  // what counts is 2 of cm2, not a number of its own
    if (!is_letter(words[at])) {
      ++at;
      continue;
    }
    while (at < words.size() && (is_letter(words[at]) || is_digit(words[at]) || words[at] == '\'' || words[at] == '^'))
      ++at;
    std::string_view const word = words.substr(begin, at - begin);
    bool const of_unit = !first && (word == "squared" || word == "cubed");  // cm squared
    if (word.ends_with("n't")) return true;
    if (!of_unit && std::find(std::begin(more_words), std::end(more_words), word) != std::end(more_words)) return true;
  }
  return false;
}

bool is_percent_word(std::string_view word) { return word == "percent" || word == "percentage" || word == "pct"; }

}  // namespace grove::math::detail
