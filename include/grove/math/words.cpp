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
