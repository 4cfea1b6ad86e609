// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/math/grammar.hpp"
#include "grove/math/words.hpp"

namespace grove::math::detail {
namespace {

/// What an inverse is called, for \sin^{-1}.
std::optional<Function> inverse(Function function) {
  switch (function) {
    case Function::Sin:
      return Function::Arcsin;
    case Function::Cos:
      return Function::Arccos;
    case Function::Tan:
      return Function::Arctan;
    case Function::Cot:
      return Function::Arccot;
    case Function::Sec:
      return Function::Arcsec;
    case Function::Csc:
      return Function::Arccsc;
    case Function::Sinh:
      return Function::Arsinh;
    case Function::Cosh:
      return Function::Arcosh;
    case Function::Tanh:
      return Function::Artanh;
    default:
      return std::nullopt;
  }
}

struct Operator {
  std::string_view name;
  Function function;
  bool many = false;
};

constexpr Operator operators[] = {
    {"arsinh", Function::Arsinh},  {"arcsinh", Function::Arsinh}, {"arcosh", Function::Arcosh},
    {"arccosh", Function::Arcosh}, {"artanh", Function::Artanh},  {"arctanh", Function::Artanh},
    {"floor", Function::Floor},    {"ceil", Function::Ceiling},   {"tr", Function::Trace},
    {"trace", Function::Trace},    {"norm", Function::Norm},      {"gcd", Function::Gcd, true},
    {"lcm", Function::Lcm, true},
};
constexpr Operator more_operators[] = {
    {"sgn", Function::Sign},      {"sign", Function::Sign},       {"Re", Function::Real},
    {"Im", Function::Imaginary},  {"arctg", Function::Arctan},    {"tg", Function::Tan},
    {"ctg", Function::Cot},       {"arcctg", Function::Arccot},   {"arccot", Function::Arccot},
    {"arcsec", Function::Arcsec}, {"arccsc", Function::Arccsc},   {"sech", Function::Sech},
    {"csch", Function::Csch},     {"det", Function::Determinant}, {"arg", Function::Argument},
    {"Tr", Function::Trace},      {"LCM", Function::Lcm, true},   {"GCD", Function::Gcd, true},
    {"lcd", Function::Lcm, true}, {"max", Function::Max, true},   {"min", Function::Min, true},
};

}  // namespace

/// Reads `_..` and `^..` in either order.
bool Grammar::scripts(Expr& below, Expr& above) {
  for (int count = 0; count < 2; ++count) {
    if (!below && is(TokenKind::Underscore)) {
      advance();
      below = is(TokenKind::LeftBrace) ? braced() : atom();
      if (!below) return false;
    } else if (!above && is(TokenKind::Caret)) {
      advance();
      above = exponent();
      if (!above) return false;
    }
  }
  return true;
}

Expr Grammar::apply(Function function, Expr argument, Expr base, Expr to) {
  if (!argument) return {};
  bool const minus_one = to && is_integer(to) && arena_.value(to) == Rational(-1);
  if (auto const arc = inverse(function); arc && minus_one) return arena_.function(*arc, {argument});
  Expr value;
  if (function == Function::Log || (function == Function::Ln && base)) {
    value = arena_.function(Function::Log, {argument, base ? base : arena_.number(10)});
  } else if (function == Function::Exp) {
    value = arena_.power(arena_.constant(Constant::E), argument);
  } else {
    value = arena_.function(function, {argument});
  }
  return to ? arena_.power(value, to) : value;
}

Expr Grammar::function_arguments(Function function, Expr base, Expr to) {
  // Behind the name and its scripts.
  if (is(TokenKind::LeftRound)) {
    std::size_t const start = at_;
    advance();
    if (Expr const inside = group(TokenKind::RightRound)) return apply(function, inside, base, to);
    back(start);
  }
  if (!strict_) return apply(function, product(true), base, to);
  if (is(TokenKind::LeftBrace)) return apply(function, braced(), base, to);
  bool const minus = accept(TokenKind::Minus);
  Expr const argument = juxtaposition(true);
  return apply(function, minus ? arena_.negate(argument) : argument, base, to);
}

Expr Grammar::function() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  auto const function = static_cast<Function>(token().detail);
  std::size_t const start = at_;
  advance();
  Expr base;
  Expr to;
  if (!scripts(base, to)) return {};
  if (function == Function::Gamma && !is(TokenKind::LeftRound)) {
    at_ = start + 1;
    std::string name = "gamma";
    if (is(TokenKind::Underscore) && !subscript(name)) return fail("a subscript that is not closed");
    return arena_.symbol(name);
  }
  return function_arguments(function, base, to);
}

Expr Grammar::many_function() {
  auto const function = static_cast<Function>(token().detail);
  advance();
  Expr base;
  Expr to;
  if (!scripts(base, to)) return {};
  TokenKind const close = is(TokenKind::LeftSet)     ? TokenKind::RightSet
                          : is(TokenKind::LeftBrace) ? TokenKind::RightBrace
                                                     : TokenKind::RightRound;
  if (!is(TokenKind::LeftRound) && !(strict_ && close != TokenKind::RightRound)) return fail("arguments are missing");
  advance();
  Exprs arguments;
  do {
    Expr const argument = expression();
    if (!argument) return {};
    arguments.push_back(argument);
  } while (accept(TokenKind::Comma));
  if (!accept(close)) return fail("a bracket that is not closed");
  Expr const value = arena_.node(Kind::Function, arguments, static_cast<std::uint8_t>(function));
  return to ? arena_.power(value, to) : value;
}

Expr Grammar::named_operator() {
  advance();
  if (strict_ && is(TokenKind::Times)) advance();
  if (!accept(TokenKind::LeftBrace)) return fail("an operator without a name");
  std::size_t const from = at_;
  while (!is(TokenKind::RightBrace) && !is(TokenKind::End)) advance();
  std::string const name = source(from, at_);
  if (!accept(TokenKind::RightBrace)) return fail("an open brace");
  std::optional<Operator> known;
  for (Operator const& candidate : operators) {
    if (candidate.name == name) known = candidate;
  }
  if (strict_ && !known) {
    for (Operator const& candidate : more_operators) {
      if (candidate.name == name) known = candidate;
    }
    auto const word = strict_name(name);
    if (!known && word && (word->kind == TokenKind::Function || word->kind == TokenKind::ManyFunction)) {
      known = Operator{"", static_cast<Function>(word->detail), word->kind == TokenKind::ManyFunction};
    }
  }
  if (known && !known->many) {
    Expr base;
    Expr to;
    if (!scripts(base, to)) return {};
    return function_arguments(known->function, base, to);
  }
  if (known) {
    if (!accept(TokenKind::LeftRound)) return fail("arguments are missing");
    Exprs arguments;
    do {
      Expr const argument = expression();
      if (!argument) return {};
      arguments.push_back(argument);
    } while (accept(TokenKind::Comma));
    if (!accept(TokenKind::RightRound)) return fail("a bracket that is not closed");
    return arena_.node(Kind::Function, arguments, static_cast<std::uint8_t>(known->function));
  }
  if (!strict_) return fail("an unknown operator");
  if (!accept(TokenKind::LeftRound)) return arena_.symbol(name);
  Expr const argument = group(TokenKind::RightRound);
  return argument ? arena_.named(Kind::Apply, name, std::span(&argument, 1)) : Expr{};
}

/// A symbol, symbols or numbers in parentheses, an equals sign: C(h) = ...
bool Grammar::defines_function() const {
  if (kind(1) != TokenKind::LeftRound) return false;
  for (std::size_t ahead = 2; ahead < 10; ahead += 2) {
    TokenKind const argument = kind(ahead);
    if (argument != TokenKind::Letter && argument != TokenKind::Named && argument != TokenKind::Number) return false;
    if (kind(ahead + 1) == TokenKind::RightRound) return kind(ahead + 2) == TokenKind::Assign;
    if (kind(ahead + 1) != TokenKind::Comma) return false;
  }
  return false;
}

Expr Grammar::application() {
  // A cheap look ahead: most symbols are followed by no bracket.
  bool possible = false;
  for (std::size_t ahead = 1; ahead < 12; ++ahead) {
    TokenKind const next = kind(ahead);
    if (next == TokenKind::LeftRound || next == TokenKind::LeftSquare) possible = true;
    bool const script = next == TokenKind::Underscore || next == TokenKind::Caret || next == TokenKind::LeftBrace ||
                        (strict_ && next == TokenKind::Prime);
    if (possible || (ahead == 1 && !script) || next == TokenKind::End) break;
  }
  if (!possible) return {};
  Token const& head = token();
  std::string name = strict_ ? symbol_name() : source(at_, at_ + 1);
  if (strict_) {
    constexpr std::string_view functions = "fghFGHPQRE";
    if (head.kind != TokenKind::Letter) return {};
    if (functions.find(head.text[0]) == std::string_view::npos && !defines_function()) return {};
  }
  advance();
  Expr to;
  if (is(TokenKind::Underscore) && !subscript(name)) return {};
  while (strict_ && is(TokenKind::Prime)) {
    name += '\'';
    advance();
  }
  if (is(TokenKind::Caret)) {
    advance();
    to = is(TokenKind::LeftBrace) ? braced() : atom();
    if (!to) return {};
  }
  bool const wrapped = !strict_ && is(TokenKind::LeftBrace);
  if (wrapped) advance();
  bool const square = is(TokenKind::LeftSquare);
  if (!square && !is(TokenKind::LeftRound)) return {};
  if (square && strict_) return {};
  advance();
  TokenKind const close = square ? TokenKind::RightSquare : TokenKind::RightRound;
  Exprs arguments;
  std::size_t const start = at_;
  int const bars = bars_;
  bars_ = 0;
  Expr first = strict_ ? Expr{} : atom();
  if (first && is(close)) {
    arguments.push_back(first);
  } else {
    back(start);
    while (!is(close)) {
      Expr const argument = expression();
      if (!argument) break;
      arguments.push_back(argument);
      if (!accept(TokenKind::Comma)) break;
    }
    // Math-Verify's grammar: one argument must be an atom or have a comma behind it.
    if (!strict_ && arguments.size() == 1 && tokens_[at_ - 1].kind != TokenKind::Comma) arguments.clear();
  }
  bars_ = bars;
  if (arguments.empty() || !accept(close) || (wrapped && !accept(TokenKind::RightBrace))) return {};
  Expr const value = arena_.named(Kind::Apply, name, arguments);
  return to ? arena_.power(value, to) : value;
}

Expr Grammar::big_operator() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  Kind const sort = is(TokenKind::Sum) ? Kind::Sum : Kind::Product;
  advance();
  Expr variable;
  Expr from;
  Expr to;
  for (int count = 0; count < 2; ++count) {
    if (!variable && is(TokenKind::Underscore)) {
      advance();
      if (!accept(TokenKind::LeftBrace)) return fail("a sum without its first index");
      variable = expression();
      if (!variable || !(accept(TokenKind::Assign) || accept(TokenKind::Relation)))
        return fail("a sum without its index");
      from = expression();
      if (!from || !accept(TokenKind::RightBrace)) return fail("a sum without its first index");
    } else if (!to && is(TokenKind::Caret)) {
      advance();
      to = exponent();
      if (!to) return {};
    }
  }
  if (!variable || !to) return fail("a sum without its bounds");
  Expr const body = product(false);
  return body ? arena_.node(sort, {body, variable, from, to}) : Expr{};
}

Expr Grammar::integral() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  advance();
  Expr from;
  Expr to;
  if (!scripts(from, to)) return {};
  bool const outer = integrand_;
  integrand_ = true;
  differential_ = {};
  auto at_differential = [&] {
    return is(TokenKind::Differential) || (strict_ && is(TokenKind::Letter) && token().text == "d" &&
                                           (kind(1) == TokenKind::Letter || kind(1) == TokenKind::Named));
  };
  Expr const body = at_differential() ? arena_.number(1) : expression();
  integrand_ = outer;
  if (!body) return {};
  Expr variable;
  if (is(TokenKind::Differential)) {
    variable = arena_.symbol(token().text);
    advance();
  } else if (at_differential()) {
    advance();
    variable = arena_.symbol(token().text);
    advance();
  } else if (!differential_.empty()) {
    variable = arena_.symbol(differential_);
  } else if (strict_) {
    return fail("an integral without its variable");
  } else {
    variable = arena_.symbol("x");
  }
  if (from && to) return arena_.node(Kind::Integral, {body, variable, from, to});
  return from || to ? fail("an integral with one bound") : arena_.node(Kind::Integral, {body, variable});
}

Expr Grammar::limit() {
  advance();
  if (!accept(TokenKind::Underscore) || !accept(TokenKind::LeftBrace)) return fail("a limit without its point");
  Expr const variable = atom();
  if (!variable || !accept(TokenKind::Arrow)) return fail("a limit without its point");
  Expr const point = product(false);
  if (!point) return {};
  std::int32_t direction = 0;
  if (accept(TokenKind::Caret)) {
    bool const brace = accept(TokenKind::LeftBrace);
    direction = is(TokenKind::Minus) ? -1 : 1;
    if (!accept(TokenKind::Minus) && !accept(TokenKind::Plus)) return fail("a limit's direction");
    if (brace && !accept(TokenKind::RightBrace)) return fail("an open brace");
  }
  if (!accept(TokenKind::RightBrace)) return fail("an open brace");
  Expr const body = product(false);
  return body ? arena_.node(Kind::Limit, {body, variable, point}, 0, direction) : Expr{};
}

}  // namespace grove::math::detail
