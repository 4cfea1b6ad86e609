// SPDX-License-Identifier: Apache-2.0
// Fractions, derivatives written as fractions, binomials, roots and matrices.
#include "grove/math/grammar.hpp"
#include "grove/math/parser.hpp"

namespace grove::math::detail {

Expr Grammar::derivative() {
  // \frac{d}{dx} in front of what is differentiated, and \frac{dy}{dx}.
  if (kind(1) != TokenKind::LeftBrace) return {};
  bool const bare = kind(2) == TokenKind::Letter && token(2).text == "d" && kind(3) == TokenKind::RightBrace;
  bool const inside = kind(2) == TokenKind::Differential && kind(3) == TokenKind::RightBrace;
  if ((!bare && !inside) || kind(4) != TokenKind::LeftBrace || kind(5) != TokenKind::Differential ||
      kind(6) != TokenKind::RightBrace) {
    return {};
  }
  Expr const variable = arena_.symbol(token(5).text);
  Expr body = inside ? arena_.symbol(token(2).text) : Expr{};
  at_ += 7;
  if (bare) body = juxtaposition(false);
  return body ? arena_.node(Kind::Derivative, {body, variable}, 0, 1) : fail("a derivative of nothing");
}

/// \frac{dy}{dx} and \frac{d}{dx} y, as y' where the variable is x; \frac{d^2y}{dx^2}.
Expr Grammar::strict_derivative() {
  auto const is_d = [&] { return is(TokenKind::Letter) && token().text == "d"; };
  auto const order = [&] {
    if (!accept(TokenKind::Caret)) return 1;
    bool const brace = accept(TokenKind::LeftBrace);
    bool const digit = is(TokenKind::Number) && token().text.size() == 1 && token().text[0] >= '1';
    int const n = digit ? token().text[0] - '0' : 0;
    advance();
    return brace && !accept(TokenKind::RightBrace) ? 0 : n;
  };
  auto const name = [&] {
    bool const symbol = is(TokenKind::Letter) || is(TokenKind::Named);
    Expr const value = symbol ? arena_.symbol(token().text) : Expr{};
    advance();
    return value;
  };
  advance();
  if (!accept(TokenKind::LeftBrace) || !is_d()) return {};
  advance();
  int const above = order();
  Expr body = is(TokenKind::RightBrace) ? Expr{} : name();
  bool const inside = static_cast<bool>(body);
  if (!accept(TokenKind::RightBrace) || !accept(TokenKind::LeftBrace) || !is_d()) return {};
  advance();
  Expr const variable = name();
  if (!variable || above == 0 || order() != above || !accept(TokenKind::RightBrace)) return {};
  if (!inside) body = juxtaposition(false);
  if (!body) return fail("a derivative of nothing");
  // An undefined function of what it is the derivative of; its name has a prime.
  bool const prime = arena_.is(body, Kind::Symbol);
  std::string const mark = arena_.name(variable) == "x" ? "'" : "'" + std::string(arena_.name(variable));
  for (int i = 0; i < above; ++i)
    body = prime ? arena_.named(Kind::Apply, mark, std::span(&body, 1))
                 : arena_.node(Kind::Derivative, {body, variable}, 0, 1);
  return body;
}

Expr Grammar::fraction() {
  std::size_t const start = at_;
  if (Expr const value = strict_ ? strict_derivative() : derivative()) return value;
  back(start);
  advance();
  Expr upper;
  Expr lower;
  if (strict_ && is(TokenKind::Number) && !is(TokenKind::LeftBrace)) {
    // Digits count singly: \frac12, \frac123 is 1/23 as its writer meant it.
    std::string_view const digits = token().text;
    upper = parse_numeral(arena_, digits.substr(0, 1));
    bool const joined = digits.size() > 1;
    advance();
    if (joined) {
      lower = parse_numeral(arena_, digits.substr(1));
    } else {
      lower = argument();
    }
  } else {
    upper = argument();
    if (upper) lower = argument();
  }
  if (!upper || !lower) return fail("a fraction without its parts");
  return divide(upper, lower);
}

Expr Grammar::binomial() {
  advance();
  if (strict_ && is(TokenKind::Number) && token().text.size() == 2) {
    // Digits count singly, as TeX takes them: \binom53.
    std::string_view const digits = token().text;
    advance();
    return arena_.function(Function::Binomial,
                           {parse_numeral(arena_, digits.substr(0, 1)), parse_numeral(arena_, digits.substr(1))});
  }
  Expr const upper = argument();
  if (!upper) return {};
  Expr const lower = argument();
  if (!lower) return {};
  return arena_.function(Function::Binomial, {upper, lower});
}

Expr Grammar::root() {
  advance();
  Expr degree;
  if (accept(TokenKind::LeftSquare)) {
    degree = expression();
    if (!degree || !accept(TokenKind::RightSquare)) return fail("a root's degree that is not closed");
  }
  Expr radicand;
  if (strict_ && is(TokenKind::Number) && !token().spaced && token().text.size() > 1 &&
      token().text.find('.') == std::string_view::npos && text_[token().begin - 1] == 't') {
    radicand = parse_numeral(arena_, token().text);
    advance();
  } else {
    radicand = argument();
  }
  if (!radicand) return {};
  if (!degree) degree = arena_.number(2);
  if (is_integer(degree) && arena_.value(degree) == Rational(2)) {
    return arena_.power(radicand, arena_.number(Rational(1, 2)));
  }
  if (strict_) return arena_.function(Function::Root, {radicand, degree});
  return arena_.power(radicand, divide(arena_.number(1), degree));
}

Expr Grammar::matrix(TokenKind close) {
  Exprs entries;
  std::size_t columns = 0;
  std::size_t rows = 0;
  while (!accept(close)) {
    std::size_t in_row = 0;
    do {
      Expr const entry = expression();
      if (!entry) return {};
      entries.push_back(entry);
      ++in_row;
    } while (accept(TokenKind::Ampersand));
    ++rows;
    if (columns != 0 && columns != in_row) return fail("rows of different lengths");
    columns = in_row;
    if (!accept(TokenKind::NewRow) && !is(close)) return fail("a matrix that is not closed");
    while (strict_ && accept(TokenKind::NewRow)) {
    }
  }
  if (rows == 0) return fail("an empty matrix");
  return arena_.node(Kind::Matrix, entries, 0, static_cast<std::int32_t>(rows));
}

}  // namespace grove::math::detail
