// SPDX-License-Identifier: Apache-2.0
#include "grove/math/parser.hpp"

#include "grove/math/ascii.hpp"
#include "grove/math/grammar.hpp"
#include "grove/math/normalize.hpp"
#include "grove/math/presentation.hpp"
#include "grove/math/strict_text.hpp"

namespace grove::math {
namespace {

using namespace detail;

/// -?\d+(\.\d+)?, the most frequent answer of all.
Expr plain_number(Arena& arena, std::string_view text) {
  bool const negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  bool point = false;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (is_digit(digits[i])) continue;
    if (digits[i] != '.' || point || i + 1 == digits.size() || i == 0) return {};
    point = true;
  }
  if (digits.empty() || digits.size() > 600) return {};
  Expr const value = parse_numeral(arena, digits);
  return negative ? arena.negate(value) : value;
}

/// -?\d{1,3}(,\d{3})+(\.\d+)? as a whole: Math-Verify's thousands. With a 0 in front the commas are decimal points.
Expr thousands(Arena& arena, std::string_view text) {
  bool const negative = text.starts_with('-');
  std::string_view const digits = text.substr(negative ? 1 : 0);
  std::size_t i = 0;
  while (i < digits.size() && is_digit(digits[i])) ++i;
  if (i == 0 || i > 3 || i == digits.size() || digits[i] != ',') return {};
  std::string plain(digits.substr(0, i));
  bool const decimal = digits[0] == '0';
  std::size_t groups = 0;
  while (i + 3 < digits.size() && digits[i] == ',' && is_digit(digits[i + 1]) && is_digit(digits[i + 2]) &&
         is_digit(digits[i + 3])) {
    if (decimal) plain += '.';
    plain += digits.substr(i + 1, 3);
    i += 4;
    ++groups;
  }
  if (groups == 0 || (decimal && groups > 1)) return {};
  if (i < digits.size()) {
    if (digits[i] != '.' || decimal || i + 1 == digits.size()) return {};
    plain += digits.substr(i);
    for (++i; i < digits.size(); ++i) {
      if (!is_digit(digits[i])) return {};
    }
  }
  Expr const value = parse_numeral(arena, plain);
  return negative ? arena.negate(value) : value;
}

}  // namespace

Parsed Parser::run(Arena& arena, std::string_view text, Dialect dialect) {
  if (text.size() > most_bytes) return {.problem = "too long"};
  scanner_.scan(text, dialect);
  if (!scanner_.problem().empty()) return {.problem = scanner_.problem()};
  Grammar grammar(arena, text, scanner_.tokens(), dialect);
  Expr const value = dialect == Dialect::Strict ? grammar.strict() : grammar.compatible();
  if (value) return {.value = value, .work = grammar.steps()};
  return {.problem = grammar.problem().empty() ? "too large" : grammar.problem(), .work = grammar.steps()};
}

Parsed Parser::compatible(Arena& arena, std::string_view text) {
  text = trim(text);
  if (text.empty()) return {.problem = "empty"};
  if (Expr const value = plain_number(arena, text)) return {.value = value};
  if (Expr const value = thousands(arena, text)) return {.value = value};
  Parsed const whole = run(arena, text, Dialect::Compatible);
  if (whole.value) return whole;
  std::string_view const last = last_equation_part(text);
  if (last.size() == text.size()) return whole;
  Parsed part = run(arena, last, Dialect::Compatible);
  part.work += whole.work;
  return part;
}

Parsed Parser::strict(Arena& arena, std::string_view text) {
  text = trim(text);
  if (text.empty()) return {.problem = "empty"};
  if (Expr const value = plain_number(arena, text)) return {.value = value};
  if (text.size() > most_bytes) return {.problem = "too long"};
  strict_text_ = strict_text(without_presentation(text, presented_));
  std::string_view const clean = trim(strict_text_);
  if (clean.empty()) return {.problem = "empty"};
  if (Expr const value = plain_number(arena, clean)) return {.value = value};
  return run(arena, clean, Dialect::Strict);
}

Parsed Parser::leading(Arena& arena, std::string_view text) {
  if (text.size() > most_bytes) return {.problem = "too long"};
  scanner_.scan(text, Dialect::Letters);
  Grammar grammar(arena, text, scanner_.tokens(), Dialect::Letters);
  Expr const value = grammar.leading();
  if (value) return {.value = value};
  return {.problem = grammar.problem().empty() ? "too large" : grammar.problem()};
}

}  // namespace grove::math
