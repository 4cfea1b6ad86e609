// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/math/ascii.hpp"
#include "grove/math/grammar.hpp"
#include "grove/math/number_words.hpp"
#include "grove/math/parser.hpp"
#include "grove/math/words.hpp"

namespace grove::math {

Expr parse_numeral(Arena& arena, std::string_view digits) {
  constexpr std::size_t most_digits = 4000;
  if (digits.size() > most_digits) return {};
  std::size_t const point = digits.find('.');
  if (point == std::string_view::npos) {
    auto const value = Rational::from_digits(digits);
    return value ? arena.number(*value) : Expr{};
  }
  std::size_t const decimals = digits.size() - point - 1;
  if (decimals > 2000) return {};
  std::string all(digits.substr(0, point));
  all += digits.substr(point + 1);
  auto const value = Rational::from_digits(all);
  if (!value) return {};
  return arena.decimal(*value / Rational::integer_power(10, static_cast<std::uint32_t>(decimals)),
                       static_cast<std::int32_t>(decimals));
}

namespace detail {

std::string Grammar::source(std::size_t from, std::size_t to) const {
  std::string out;
  for (std::size_t i = from; i < to && i < tokens_.size(); ++i) {
    out += text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  }
  return out;
}

bool Grammar::begins_symbol() const { return is(TokenKind::Letter) || is(TokenKind::Named) || is(TokenKind::Wrapped); }

Expr Grammar::component() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  switch (kind()) {
    case TokenKind::LeftRound:
      advance();
      if (strict_ && is(TokenKind::Number) && kind(1) == TokenKind::RightRound && kind(2) == TokenKind::Underscore) {
        return based_number();
      }
      return group(TokenKind::RightRound);
    case TokenKind::LeftSquare:
      advance();
      return group(TokenKind::RightSquare);
    case TokenKind::LeftSet:
      advance();
      return group(TokenKind::RightSet);
    case TokenKind::LeftBrace:
      advance();
      return group(TokenKind::RightBrace);
    case TokenKind::Box:
      advance();
      return braced();
    case TokenKind::Bar:
      return absolute_value(TokenKind::Bar);
    case TokenKind::LeftBar:
      return absolute_value(TokenKind::RightBar);
    case TokenKind::DoubleBar:
      return absolute_value(TokenKind::DoubleBar);
    case TokenKind::LeftFloor:
      return absolute_value(TokenKind::RightFloor);
    case TokenKind::LeftCeiling:
      return absolute_value(TokenKind::RightCeiling);
    case TokenKind::Fraction:
      return fraction();
    case TokenKind::Binomial:
      return binomial();
    case TokenKind::Root:
      return root();
    case TokenKind::MatrixBegin:
      advance();
      return matrix(TokenKind::MatrixEnd);
    case TokenKind::DeterminantBegin:
      advance();
      return arena_.function(Function::Determinant, {matrix(TokenKind::DeterminantEnd)});
    case TokenKind::Function:
      return function();
    case TokenKind::ManyFunction:
      return many_function();
    case TokenKind::OperatorName:
      return named_operator();
    case TokenKind::Sum:
    case TokenKind::Product:
      return big_operator();
    case TokenKind::Integral:
      return integral();
    case TokenKind::Limit:
      return limit();
    case TokenKind::LetterE: {
      advance();
      Expr const e = arena_.constant(Constant::E);
      if (strict_ || !is(TokenKind::Caret)) return e;
      advance();
      Expr const to = is(TokenKind::LeftBrace) ? braced() : atom();
      return arena_.power(e, to);
    }
    default:
      if (begins_symbol()) {
        std::size_t const start = at_;
        if (Expr const applied = application()) return applied;
        back(start);
      }
      return atom();
  }
}

Expr Grammar::group(TokenKind close) {
  int const bars = bars_;
  bars_ = 0;
  Expr const value = expression();
  bars_ = bars;
  if (!value) return {};
  if (integrand_ && is(TokenKind::Differential)) {
    differential_ = token().text;
    advance();
  }
  if (close == TokenKind::RightBrace && accept(TokenKind::Choose)) {
    Expr const lower = expression();
    if (!lower || !accept(close)) return fail("an open brace");
    return arena_.function(Function::Binomial, {value, lower});
  }
  if (strict_ && close == TokenKind::RightBrace && accept(TokenKind::RightBrace)) return value;
  if (!accept(close)) return fail("a bracket that is not closed");
  return value;
}

Expr Grammar::braced() {
  if (!accept(TokenKind::LeftBrace)) return fail("a brace is missing");
  int const bars = bars_;
  bars_ = 0;
  Expr const value = expression();
  bars_ = bars;
  if (value && !accept(TokenKind::RightBrace)) return fail("an open brace");
  return value;
}

Expr Grammar::argument() {
  if (!strict_ || (leading_ && is(TokenKind::LeftRound)) || is(TokenKind::LeftBrace)) return braced();
  // TeX takes one token: \frac12 and \sqrt3; a number's digits are one character each.
  return component();
}

Expr Grammar::absolute_value(TokenKind close) {
  TokenKind const open = kind();
  advance();
  int const bars = bars_;
  bars_ = open == TokenKind::Bar || open == TokenKind::DoubleBar ? 1 : 0;
  Expr const value = expression();
  bars_ = bars;
  if (!value) return {};
  if (!accept(close)) return fail("a bar that is not closed");
  switch (close) {
    case TokenKind::RightFloor:
      return arena_.function(Function::Floor, {value});
    case TokenKind::RightCeiling:
      return arena_.function(Function::Ceiling, {value});
    case TokenKind::DoubleBar:
      return arena_.function(Function::Norm, {value});
    default:
      return strict_ && arena_.is(value, Kind::Matrix) ? arena_.function(Function::Determinant, {value})
                                                       : arena_.function(Function::Abs, {value});
  }
}

bool Grammar::subscript(std::string& out) {
  // At the underscore.
  advance();
  std::size_t const from = at_;
  std::string inner;
  if (!strict_ && is(TokenKind::LeftBrace)) {
    // Only expressions between commas; their text is the name.
    do {
      advance();
      if (!expression()) return false;
    } while (is(TokenKind::Comma));
    if (!accept(TokenKind::RightBrace)) return false;
    inner = source(from + 1, at_ - 1);
  } else if (accept(TokenKind::LeftBrace)) {
    std::size_t depth = 1;
    while (depth > 0 && !is(TokenKind::End)) {
      if (is(TokenKind::LeftBrace)) ++depth;
      if (is(TokenKind::RightBrace)) --depth;
      advance();
    }
    if (depth != 0) return false;
    inner = source(from + 1, at_ - 1);
  } else {
    if (is(TokenKind::End)) return false;
    advance();
    inner = source(from, at_);
  }
  if (strict_ && inner.starts_with("\\text{") && inner.ends_with('}')) inner = inner.substr(6, inner.size() - 7);
  if (strict_ && inner.starts_with("\\mathrm{") && inner.ends_with('}')) inner = inner.substr(8, inner.size() - 9);
  out += inner.size() > 1 ? "_{" + inner + "}" : "_" + inner;
  return true;
}

bool Grammar::skip_subscript() {
  std::string ignored;
  return !strict_ && is(TokenKind::Underscore) && subscript(ignored);
}

std::string Grammar::symbol_name() {
  Token const& symbol = token();
  std::string name;
  if (symbol.kind == TokenKind::Wrapped) {
    for (char const c : symbol.text) {
      if (c != ' ' && c != '\n' && c != '\t') name += c;
    }
    switch (static_cast<Wrapper>(symbol.detail)) {
      case Wrapper::Text:
        name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return c == '(' || c == ')'; }), name.end());
        break;
      case Wrapper::Bar:
        name = "bar{" + name + "}";
        break;
      case Wrapper::Vector:
        name = "vec{" + name + "}";
        break;
      case Wrapper::Tilde:
        name = "tilde{" + name + "}";
        break;
      case Wrapper::Math:
        if (!strict_) name = "math{" + name + "}";
        break;
      case Wrapper::Other: {
        std::string_view command = text_.substr(symbol.begin + 1);
        command = command.substr(0, command.find('{'));
        name = std::string(trim(command.substr(0, 16))) + "{" + name + "}";
        break;
      }
    }
  } else {
    name = symbol.text;
  }
  if (!strict_) std::transform(name.begin(), name.end(), name.begin(), lower);
  return name;
}

Expr Grammar::atom_expression(bool with_power) {
  if (!strict_ && is(TokenKind::Letter) && token().text == "I") {
    // Math-Verify drops what is written below and above it.
    advance();
    std::string ignored;
    if (is(TokenKind::Underscore) && !subscript(ignored)) return fail("a subscript that is not closed");
    return arena_.constant(Constant::I);
  }
  std::string name = symbol_name();
  advance();
  Expr to;
  for (int scripts = 0; scripts < 2; ++scripts) {
    if (is(TokenKind::Underscore)) {
      std::string below;
      if (!subscript(below)) return fail("a subscript that is not closed");
      if (!strict_) std::transform(below.begin(), below.end(), below.begin(), lower);
      name += below;
    } else if (with_power && !to && is(TokenKind::Caret)) {
      advance();
      to = is(TokenKind::LeftBrace) ? braced() : atom();
      if (!to) return {};
    } else {
      break;
    }
  }
  if (name.empty()) return fail("an empty name");
  Expr const symbol = arena_.symbol(name);
  return to ? arena_.power(symbol, to) : symbol;
}

Expr Grammar::number() {
  Token const& numeral = token();
  std::string digits;
  std::string_view text = numeral.text;
  if (strict_ && numeral.kind == TokenKind::Number) {
    grouped_number_length(text, 0, true, &digits);
    text = digits;
  }
  if (numeral.kind != TokenKind::Scientific) {
    advance();
    return parse_numeral(arena_, text);
  }
  std::size_t const e = text.find_first_of("eE");
  Expr const mantissa = parse_numeral(arena_, text.substr(0, e));
  std::string_view exponent = text.substr(e + 1);
  bool const negative = exponent.starts_with('-');
  if (negative || exponent.starts_with('+')) exponent.remove_prefix(1);
  if (!mantissa || exponent.size() > 4) return fail("a number out of range");
  std::uint32_t power = 0;
  for (char const c : exponent) power = power * 10 + static_cast<std::uint32_t>(c - '0');
  if (power > 2000) return fail("a number out of range");
  advance();
  Rational const scale = Rational::integer_power(10, power);
  Rational const& value = arena_.value(mantissa);
  std::int32_t const decimals = arena_.is(mantissa, Kind::Decimal) ? arena_.extra(mantissa) : 0;
  auto const shift = static_cast<std::int32_t>(power);
  return arena_.decimal(negative ? value / scale : value * scale,
                        std::max(negative ? decimals + shift : decimals - shift, 0));
}

/// A numeral with its base below it, perhaps in parentheses that are open already: 204_5, (204)_5.
Expr Grammar::based_number() {
  std::string_view const numeral = token().text;
  advance();
  accept(TokenKind::RightRound);
  std::string below;
  if (!is(TokenKind::Underscore) || !subscript(below)) return fail("a subscript that is not closed");
  std::string base;
  std::string words;
  for (char const c : below) {
    if (is_digit(c)) base += c;
    if (is_letter(c)) words += c;
  }
  if (base.empty()) {
    if (auto const said = number_of_words(words.starts_with("base") ? words.substr(4) : words))
      base = said->to_string();
  }
  std::int32_t const radix = base.size() == 1 || base.size() == 2 ? std::stoi(base) : 0;
  auto const value = radix >= 2 && radix <= 36 && numeral.find('.') == std::string_view::npos
                         ? Rational::from_digits(numeral, radix)
                         : std::optional<Rational>{};
  return value ? arena_.node(Kind::Based, {arena_.number(*value)}, 0, radix) : fail("a subscript that is no base");
}

Expr Grammar::atom() {
  Token const& here = token();
  switch (here.kind) {
    case TokenKind::Letter:
    case TokenKind::Named:
      return atom_expression(!strict_);
    case TokenKind::Wrapped:
      return strict_ ? strict_text_atom() : atom_expression(true);
    case TokenKind::Constant:
      advance();
      if (!strict_ && here.detail > static_cast<std::uint8_t>(Constant::Undefined)) return fail("a set in a sum");
      return arena_.constant(static_cast<Constant>(here.detail));
    case TokenKind::Number: {
      if (kind(1) != TokenKind::Underscore || leading_) {
        Expr const value = number();
        return value ? value : fail("a number out of range");
      }
      if (strict_) return based_number();
      Expr const value = number();
      std::string ignored;
      return subscript(ignored) ? value : fail("a subscript that is not closed");
    }
    case TokenKind::Scientific:
      return number();
    case TokenKind::Percent: {
      advance();
      return arena_.node(Kind::Percent, {parse_numeral(arena_, here.text)});
    }
    case TokenKind::CapitalE:
      advance();
      return arena_.symbol("e");
    case TokenKind::Differential:
      advance();
      return arena_.symbol(std::string("d").append(here.text));
    case TokenKind::Prime:
      if (strict_) return fail("a prime without a symbol");
      advance();
      return arena_.symbol("prime");
    case TokenKind::Function:
      if (here.detail == static_cast<std::uint8_t>(Function::Gamma)) {
        advance();
        return arena_.symbol("gamma");
      }
      return fail("a function where a value is expected");
    case TokenKind::LetterE:
      if (!strict_) return fail("e where a symbol is expected");
      advance();
      return arena_.constant(Constant::E);
    case TokenKind::End:
      return fail("the text ends where a value is expected");
    default:
      return fail("a value is missing");
  }
}

}  // namespace detail
}  // namespace grove::math
