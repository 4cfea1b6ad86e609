// SPDX-License-Identifier: Apache-2.0
#include "grove/math/words.hpp"

#include <algorithm>
#include <iterator>

#include "grove/math/ascii.hpp"
#include "grove/math/kinds.hpp"
#include "grove/math/scanner.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

constexpr std::uint8_t d(auto value) { return static_cast<std::uint8_t>(value); }

// Longest first where one begins with another.
constexpr std::string_view grammar_words[] = {
    "arcsinh",   "arccosh",     "arctanh",   "arsinh",        "arcosh",     "artanh", "gcd",
    "lcm",       "floor",       "ceil",      "eye",           "zeros",      "ones",   "cols",
    "rows",      "diagonalize", "diag",      "norm",          "rank",       "trace",  "tr",
    "rref",      "hstack",      "vstack",    "orthogonalize", "orthogonal", "ortho",  "orth",
    "nullspace", "eigenvalues", "eigenvals", "eigenvectors",  "eigenvects", "eigen",  "eig",
    "svd",       "SVD",         "matrix",    "pmatrix",       "bmatrix",    "vmatrix"};

struct Name {
  std::string_view word;
  TokenKind kind;
  std::uint8_t detail = 0;
};

constexpr Name strict_commands[] = {
    {"circ", TokenKind::Degree},
    {"degree", TokenKind::Degree},
    {"colon", TokenKind::Colon},
    {"land", TokenKind::And},
    {"wedge", TokenKind::And},
    {"lor", TokenKind::Or},
    {"vee", TokenKind::Or},
    {"ast", TokenKind::Times},
    {"star", TokenKind::Times},
    {"bullet", TokenKind::Times},
    {"iff", TokenKind::Relation, d(RelationType::Equivalent)},
    {"implies", TokenKind::Arrow},
    {"longmapsto", TokenKind::Relation, d(RelationType::Maps)},
    {"mapsto", TokenKind::Relation, d(RelationType::Maps)},
    {"simeq", TokenKind::Relation, d(RelationType::Approximately)},
    {"thickapprox", TokenKind::Relation, d(RelationType::Approximately)},
    {"doteq", TokenKind::Relation, d(RelationType::Equal)},
    {"nin", TokenKind::Relation, d(RelationType::NotIn)},
    {"backslash", TokenKind::SetMinus},
    {"smallsetminus", TokenKind::SetMinus},
    {"lVert", TokenKind::DoubleBar},
    {"rVert", TokenKind::DoubleBar},
    {"Vert", TokenKind::DoubleBar},
    {"bmod", TokenKind::Modulo},
    {"pmod", TokenKind::Modulo},
    {"infinity", TokenKind::Constant, d(Constant::Infinity)},
    {"mathopen", TokenKind::End},
    {"mathclose", TokenKind::End},
    {"mathbin", TokenKind::End},
    {"mathrel", TokenKind::End},
    {"sf", TokenKind::End},
    {"tt", TokenKind::End},
    {"it", TokenKind::End},
    {"strut", TokenKind::End},
    {"mathstrut", TokenKind::End},
    {"hline", TokenKind::End},
    {"sech", TokenKind::Function, d(Function::Sech)},
    {"csch", TokenKind::Function, d(Function::Csch)},
    {"tg", TokenKind::Function, d(Function::Tan)},
    {"ctg", TokenKind::Function, d(Function::Cot)},
    {"lg", TokenKind::Function, d(Function::Log)},
    {"arg", TokenKind::Function, d(Function::Argument)},
    {"cdots", TokenKind::Word},
    {"ldots", TokenKind::Word},
    {"dots", TokenKind::Word},
    {"dotsc", TokenKind::Word},
    {"dotsb", TokenKind::Word},
    {"vdots", TokenKind::Word},
    {"because", TokenKind::Word},
    {"therefore", TokenKind::Word},
    {"forall", TokenKind::Word},
    {"exists", TokenKind::Word},
    {"underline", TokenKind::Wrapped, d(Wrapper::Math)},
    {"textrm", TokenKind::Wrapped, d(Wrapper::Text)},
    {"textsf", TokenKind::Wrapped, d(Wrapper::Text)},
    {"textsc", TokenKind::Wrapped, d(Wrapper::Text)},
    {"texttt", TokenKind::Wrapped, d(Wrapper::Text)},
    {"emph", TokenKind::Wrapped, d(Wrapper::Text)},
    {"overleftrightarrow", TokenKind::Wrapped, d(Wrapper::Other)},
    {"widehat", TokenKind::Wrapped, d(Wrapper::Other)},
    {"smallfrac", TokenKind::Fraction},
};

constexpr Name strict_names[] = {
    {"and", TokenKind::And},
    {"or", TokenKind::Or},
    {"pi", TokenKind::Constant, d(Constant::Pi)},
    {"infinity", TokenKind::Constant, d(Constant::Infinity)},
    {"infty", TokenKind::Constant, d(Constant::Infinity)},
    {"inf", TokenKind::Constant, d(Constant::Infinity)},
    {"sqrt", TokenKind::Root},
    {"frac", TokenKind::Fraction},
    {"sin", TokenKind::Function, d(Function::Sin)},
    {"cos", TokenKind::Function, d(Function::Cos)},
    {"tan", TokenKind::Function, d(Function::Tan)},
    {"cot", TokenKind::Function, d(Function::Cot)},
    {"sec", TokenKind::Function, d(Function::Sec)},
    {"csc", TokenKind::Function, d(Function::Csc)},
    {"sinh", TokenKind::Function, d(Function::Sinh)},
    {"cosh", TokenKind::Function, d(Function::Cosh)},
    {"tanh", TokenKind::Function, d(Function::Tanh)},
    {"arcsin", TokenKind::Function, d(Function::Arcsin)},
    {"arccos", TokenKind::Function, d(Function::Arccos)},
    {"arctan", TokenKind::Function, d(Function::Arctan)},
    {"ln", TokenKind::Function, d(Function::Ln)},
    {"log", TokenKind::Function, d(Function::Log)},
    {"lg", TokenKind::Function, d(Function::Log)},
    {"exp", TokenKind::Function, d(Function::Exp)},
    {"gcd", TokenKind::ManyFunction, d(Function::Gcd)},
    {"lcm", TokenKind::ManyFunction, d(Function::Lcm)},
    {"max", TokenKind::ManyFunction, d(Function::Max)},
    {"min", TokenKind::ManyFunction, d(Function::Min)},
};

// Things that answers count or measure in; plurals with s and es are found too.
constexpr std::string_view unit_names[] = {
    "acre",    "am",       "amp",      "ampere",     "angstrom", "apple",      "arcsec",     "arcsecond", "atm",
    "au",      "bar",      "base",     "billion",    "bit",      "block",      "book",       "box",       "byte",
    "candy",   "card",     "cc",       "cd",         "cent",     "centimeter", "centimetre", "child",     "children",
    "cm",      "cookie",   "coin",     "cube",       "cubic",    "cubit",      "cup",        "day",       "deg",
    "degree",  "diagonal", "digit",    "dime",       "dm",       "dollar",     "dozen",      "dyne",      "edge",
    "egg",     "erg",      "euro",     "ev",         "face",     "fathom",     "feet",       "flower",    "foot",
    "ft",      "furlong",  "furlongs", "gal",        "gallon",   "gev",        "game",       "girl",      "gm",
    "gram",    "grams",    "ha",       "hectare",    "hour",     "hr",         "hz",         "in",        "inch",
    "integer", "joule",    "kcal",     "kelvin",     "kev",      "kg",         "kilogram",   "kilometer", "kilometre",
    "kj",      "km",       "kmh",      "kmph",       "kn",       "knot",       "kpa",        "kw",        "lb",
    "leaf",    "lbs",      "league",   "lightyear",  "line",     "liter",      "litre",      "lux",       "marble",
    "meal",    "megabyte", "men",      "meter",      "metre",    "mev",        "mg",         "mhz",       "mi",
    "mile",    "million",  "min",      "minute",     "ml",       "mm",         "mol",        "mole",      "month",
    "mph",     "newton",   "nickel",   "nm",         "number",   "ohm",        "orange",     "ounce",     "oz",
    "page",    "pair",     "pascal",   "people",     "pencil",   "penny",      "pennies",    "person",    "piece",
    "plane",   "player",   "pm",       "point",      "pound",    "problem",    "quart",      "quarter",   "rad",
    "radian",  "ratio",    "rev",      "revolution", "rod",      "rpm",        "rs",         "ruble",     "rupee",
    "sec",     "second",   "side",     "solution",   "sq",       "square",     "squarecm",   "step",      "stick",
    "student", "ticket",   "time",     "ton",        "tonne",    "toy",        "tree",       "triangle",  "unit",
    "vertex",  "vertices", "volt",     "watt",       "way",      "week",       "woman",      "women",     "word",
    "yard",    "yd",       "year",     "yen",        "yr",       "yuan"};

// Words that no name of a unit or of a thing contains.
constexpr std::string_view more_words[] = {
    "or",       "and",       "not",           "no",         "nor",         "neither",   "either",    "both",
    "more",     "less",      "fewer",         "least",      "most",        "than",      "over",      "under",
    "about",    "around",    "almost",        "nearly",     "roughly",     "if",        "unless",    "when",
    "where",    "for",       "except",        "but",        "plus",        "minus",     "factorial", "half",
    "halves",   "third",     "thirds",        "fourth",     "fourths",     "fifth",     "fifths",    "sixth",
    "sixths",   "seventh",   "sevenths",      "eighth",     "eighths",     "ninth",     "ninths",    "tenth",
    "tenths",   "hundredth", "hundredths",    "thousandth", "thousandths", "is",        "are",       "was",
    "were",     "be",        "wrong",         "incorrect",  "false",       "remainder", "mod",       "modulo",
    "below",    "above",     "negative",      "zero",       "one",         "two",       "three",     "four",
    "five",     "six",       "seven",         "eight",      "nine",        "ten",       "eleven",    "twelve",
    "thirteen", "fourteen",  "fifteen",       "sixteen",    "seventeen",   "eighteen",  "nineteen",  "twenty",
    "thirty",   "forty",     "fifty",         "sixty",      "seventy",     "eighty",    "ninety",    "hundred",
    "thousand", "million",   "billion",       "trillion",   "dozen",       "to",        "through",   "until",
    "pi",       "infinity",  "sqrt",          "between",    "maybe",       "perhaps",   "possibly",  "probably",
    "instead",  "then",      "because",       "since",      "so",          "hence",     "thus",      "that",
    "which",    "from",      "with",          "without",    "up",          "choose",    "divided",   "multiplied",
    "by",       "unknown",   "approximately", "approx",     "root",        "equals",    "equal",     "base",
    "modulus",  "squared",   "cubed"};

/// The separator between thousands groups at a position: its length, 0 if there is none.
std::size_t separator_length(std::string_view text, std::size_t at, bool commas) {
  for (std::string_view const separator : {"{,}\\!", "{,}", ",\\!", "\\,", "\\;", "\\:", "\\ ", "~", "\\!"}) {
    if (!starts_with(text, at, separator)) continue;
    std::size_t end = at + separator.size();
    if (separator.ends_with("\\!")) end = skip_space(text, end);
    return end - at;
  }
  if (starts_with(text, at, " ")) return 1;
  if (starts_with(text, at, "\u00a0")) return 2;
  if (starts_with(text, at, "\u202f") || starts_with(text, at, "\u2009")) return 3;
  if (commas && starts_with(text, at, ",")) return 1;
  return 0;
}

bool three_digits(std::string_view text, std::size_t at) {
  return at + 3 <= text.size() && is_digit(text[at]) && is_digit(text[at + 1]) && is_digit(text[at + 2]) &&
         (at + 3 == text.size() || !is_digit(text[at + 3]));
}

std::size_t groups_end(std::string_view text, std::size_t at, bool commas, std::string* digits) {
  std::size_t width = 0;  // all separators are of one kind
  for (;;) {
    std::size_t const length = separator_length(text, at, commas);
    if (length == 0 || (width != 0 && length != width && text[at] != ',') || !three_digits(text, at + length))
      return at;
    width = length;
    if (digits != nullptr) digits->append(text.substr(at + length, 3));
    at += length + 3;
  }
}

}  // namespace

std::size_t grammar_word(std::string_view letters) {
  if (letters.size() < 2) return 0;
  std::size_t best = 0;
  for (auto const word : grammar_words) {
    if (letters.starts_with(word)) best = std::max(best, word.size());
  }
  return best;
}

std::optional<Command> strict_command(std::string_view name) {
  for (Name const& known : strict_commands) {
    if (known.word == name) return Command{known.kind, known.detail, known.word, name.size()};
  }
  return std::nullopt;
}

std::optional<Command> strict_name(std::string_view word) {
  for (Name const& known : strict_names) {
    if (known.word == word) return Command{known.kind, known.detail, known.word, word.size()};
  }
  return std::nullopt;
}

TokenKind matrix_environment(std::string_view name, bool begins, bool strict) {
  if (name == "matrix" || name == "pmatrix" || name == "bmatrix" || name == "array") {
    return begins ? TokenKind::MatrixBegin : TokenKind::MatrixEnd;
  }
  if (name == "vmatrix") return begins ? TokenKind::DeterminantBegin : TokenKind::DeterminantEnd;
  if (!strict) return TokenKind::Unknown;
  if (name == "Bmatrix" || name == "smallmatrix" || name == "psmallmatrix") {
    return begins ? TokenKind::MatrixBegin : TokenKind::MatrixEnd;
  }
  if (name == "cases") return begins ? TokenKind::CasesBegin : TokenKind::CasesEnd;
  constexpr std::string_view through[] = {"aligned", "align",  "align*",  "equation", "equation*", "gathered",
                                          "split",   "gather", "gather*", "center",   "math",      "displaymath"};
  return std::find(std::begin(through), std::end(through), name) != std::end(through) ? TokenKind::End
                                                                                      : TokenKind::Unknown;
}

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

std::size_t grouped_number_length(std::string_view text, std::size_t at, bool commas, std::string* digits) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::size_t const first = end - at;
  if (digits != nullptr) digits->append(text.substr(at, first));
  if (first >= 1 && first <= 3 && text[at] != '0') end = groups_end(text, end, commas, digits);
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    std::size_t const point = end++;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (digits != nullptr) digits->append(text.substr(point, end - point));
  }
  return end - at;
}

bool commas_group_thousands(std::string_view text) {
  bool any = false;
  std::size_t begin = none;  // of the digits before a comma
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_digit(text[i])) {
      if (begin == none) begin = i;
      continue;
    }
    if (text[i] != ',') {
      begin = none;
      continue;
    }
    if (i > 0 && (text[i - 1] == '\\' || starts_with(text, i - 1, "{,}"))) {
      begin = none;
      continue;
    }
    if (begin == none || i - begin > 3 || (!any && text[begin] == '0') || !three_digits(text, i + 1)) return false;
    any = true;
    begin = none;
  }
  return any && text.find_first_of("()[]{};=") == none;
}

}  // namespace grove::math::detail
