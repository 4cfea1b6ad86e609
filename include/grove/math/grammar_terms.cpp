// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "grove/math/grammar.hpp"
#include "grove/math/rewrite.hpp"

namespace grove::math::detail {

Expr Grammar::expression() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  Expr first = strict_ ? strict_plus_minus() : product(false);
  if (!first) return {};
  bool const plus_minus = !leading_ && (is(TokenKind::PlusMinus) || is(TokenKind::MinusPlus));
  if (!is(TokenKind::Plus) && !is(TokenKind::Minus) && !plus_minus) {
    return first;
  }
  Exprs terms{first};
  auto sum = [&] { return terms.size() == 1 ? terms[0] : arena_.node(Kind::Add, terms); };
  for (;;) {
    if (is(TokenKind::Plus) || is(TokenKind::Minus)) {
      std::size_t const start = at_;
      bool const minus = is(TokenKind::Minus);
      advance();
      Expr const term = product(false);
      if (!term) return stop_at(start) ? sum() : Expr{};
      terms.push_back(minus ? arena_.negate(term) : term);
    } else if (strict_ && !leading_ && (is(TokenKind::PlusMinus) || is(TokenKind::MinusPlus))) {
      Kind const kind = is(TokenKind::PlusMinus) ? Kind::PlusMinus : Kind::MinusPlus;
      advance();
      Expr const term = product(false);
      if (!term) return {};
      terms = {arena_.node(kind, {sum(), term})};
    } else {
      return sum();
    }
  }
}

Expr Grammar::divide(Expr a, Expr b) {
  if (is_integer(a) && is_integer(b)) {
    if (arena_.value(b).is_zero()) return arena_.constant(Constant::Undefined);
    return arena_.number(arena_.value(a) / arena_.value(b));
  }
  return arena_.divide(a, b);
}

Expr Grammar::multiply_written(Exprs const& factors) {
  return factors.size() == 1 ? factors[0] : arena_.node(Kind::Multiply, factors);
}

Expr Grammar::product(bool no_functions) {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  Expr first = unary(no_functions);
  if (!first) return {};
  Exprs factors{first};
  for (;;) {
    TokenKind const sign = kind();
    if (sign != TokenKind::Times && sign != TokenKind::Divide && sign != TokenKind::Modulo &&
        sign != TokenKind::Colon) {
      return multiply_written(factors);
    }
    if (strict_ && sign == TokenKind::Colon) return multiply_written(factors);
    std::size_t const start = at_;
    advance();
    Expr const right = unary(no_functions);
    if (!right) return stop_at(start) ? multiply_written(factors) : Expr{};
    if (sign == TokenKind::Times) {
      factors.push_back(right);
    } else if (sign == TokenKind::Modulo) {
      Expr const left = multiply_written(factors);
      bool const congruence = strict_ && source(start, start + 1) == "\\pmod";
      factors = {congruence ? residue_class(left, right) : arena_.function(Function::Modulo, {left, right})};
    } else if (factors.size() == 1) {
      factors = {divide(factors[0], right)};
    } else {
      factors.push_back(arena_.power(right, arena_.number(-1)));
    }
  }
}

Expr Grammar::residue_class(Expr of, Expr modulus) {
  if (is_integer(of) && is_integer(modulus) && arena_.value(modulus).sign() > 0) {
    Rational const m = arena_.value(modulus);
    Rational const x = arena_.value(of);
    of = arena_.number(x - (x / m).floor() * m);
  }
  return arena_.named(Kind::Apply, "pmod", std::array{of, modulus});
}

Expr Grammar::unary(bool no_functions) {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  bool negative = false;
  std::size_t signs = 0;
  while (is(TokenKind::Plus) || is(TokenKind::Minus)) {
    negative = negative != is(TokenKind::Minus);
    advance();
    if (++signs > 64) return fail("too many signs");
  }
  Expr const value = juxtaposition(no_functions);
  return negative ? arena_.negate(value) : value;
}

bool Grammar::begins_postfix(bool no_functions) const {
  switch (kind()) {
    case TokenKind::Number:
    case TokenKind::Percent:
    case TokenKind::Scientific:
    case TokenKind::CapitalE:
    case TokenKind::Named:
    case TokenKind::Constant:
    case TokenKind::Partial:
    case TokenKind::LeftRound:
    case TokenKind::LeftSquare:
    case TokenKind::LeftBrace:
    case TokenKind::LeftSet:
    case TokenKind::LeftBar:
    case TokenKind::LeftFloor:
    case TokenKind::LeftCeiling:
    case TokenKind::Fraction:
    case TokenKind::Binomial:
    case TokenKind::Box:
    case TokenKind::MatrixBegin:
    case TokenKind::DeterminantBegin:
      return true;
    case TokenKind::Differential:
      return !integrand_;
    case TokenKind::Wrapped:
      // Words behind a value are a unit or a connective, not a factor.
      return !strict_ ||
             (token().detail != static_cast<std::uint8_t>(Wrapper::Text) &&
              token().detail != static_cast<std::uint8_t>(Wrapper::Math)) ||
             kind(1) == TokenKind::Underscore;
    case TokenKind::Letter:
      // The strict dialect has no token for dx.
      return !(strict_ && integrand_ && token().text == "d" &&
               (kind(1) == TokenKind::Letter || kind(1) == TokenKind::Named));
    case TokenKind::LetterE:
      return !no_functions || strict_;
    case TokenKind::Bar:
    case TokenKind::DoubleBar:
      return bars_ == 0;
    case TokenKind::Prime:
      return !strict_;
    case TokenKind::Root:
      return strict_ || !no_functions;
    case TokenKind::Function:
    case TokenKind::ManyFunction:
    case TokenKind::OperatorName:
    case TokenKind::Sum:
    case TokenKind::Product:
    case TokenKind::Integral:
    case TokenKind::Limit:
      return !no_functions;
    default:
      return false;
  }
}

Expr Grammar::mixed_number(Expr whole, Expr part) {
  // Percent and degrees are of the whole mixed number: 33\frac13\%.
  bool const of_both = arena_.is(part, Kind::Percent) || arena_.is(part, Kind::Degrees);
  Expr const fraction = of_both ? arena_.child(part, 0) : part;
  bool const mixed = is_integer(whole) && arena_.value(whole).sign() > 0 && arena_.is(fraction, Kind::Number) &&
                     arena_.value(fraction).sign() > 0 && arena_.value(fraction) < Rational(1);
  if (!mixed || tokens_[at_ - 1].kind == TokenKind::Caret) return {};
  Expr const sum = arena_.number(arena_.value(whole) + arena_.value(fraction));
  return of_both ? arena_.node(arena_.kind(part), {sum}) : sum;
}

Expr Grammar::juxtaposition(bool no_functions) {
  Expr const first = postfix();
  if (!first) return {};
  if (!begins_postfix(no_functions)) return first;
  Exprs factors{first};
  while (begins_postfix(no_functions)) {
    // The first of a mixed number, "2 5": neither 7 nor 10.
    Token const& next = token();
    bool const two_numbers =
        strict_ && next.kind == TokenKind::Number && at_ > 0 && tokens_[at_ - 1].kind == TokenKind::Number;
    if (two_numbers) return fail("two numbers side by side");
    std::size_t const start = at_;
    bool const literal_fraction = next.kind == TokenKind::Fraction;
    Expr const factor = postfix();
    if (!factor) {
      // [a, b[ has its end outside.
      bool const outside = strict_ && tokens_[start].kind == TokenKind::LeftSquare && depth_ < most_depth;
      if (outside) back(start);
      if (!outside && !stop_at(start)) return {};
      break;
    }
    if (strict_ && !leading_ && literal_fraction && factors.size() == 1) {
      if (Expr const mixed = mixed_number(factors.back(), factor)) {
        factors.back() = mixed;
        continue;
      }
    }
    factors.push_back(factor);
  }
  if (!strict_) {
    // Math-Verify adds a positive rational to an integer in front of it, from the right to the left.
    Exprs folded{factors.back()};
    for (std::size_t i = factors.size() - 1; i-- > 0;) {
      Expr const left = factors[i];
      Expr const right = folded.front();
      if (folded.size() == 1 && is_integer(left) && arena_.is(right, Kind::Number) && arena_.value(right).sign() > 0) {
        Rational const& whole = arena_.value(left);
        Rational const part = arena_.value(right);
        folded.front() = arena_.number(whole.sign() < 0 ? whole - part : whole + part);
      } else {
        folded.insert(folded.begin(), left);
      }
    }
    factors.swap(folded);
  }
  return multiply_written(factors);
}

Expr Grammar::postfix() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  Expr value = power();
  for (std::size_t count = 0; value && count < 64; ++count) {
    if (accept(TokenKind::Bang)) {
      bool const twice = strict_ && is(TokenKind::Bang) && !token().spaced;
      if (twice) advance();
      value = arena_.function(twice ? Function::DoubleFactorial : Function::Factorial, {value});
    } else if (accept(TokenKind::Degree)) {
      if (strict_) value = arena_.node(Kind::Degrees, {value});
    } else if (accept(TokenKind::Transpose)) {
      bool const matrix = arena_.is(value, Kind::Matrix) || (strict_ && contains(arena_, value, Kind::Matrix));
      if (matrix) value = arena_.function(Function::Transpose, {value});
      if (strict_ && !matrix) value = arena_.power(value, arena_.symbol("T"));
    } else if (strict_ && accept(TokenKind::PercentSign)) {
      value = arena_.node(Kind::Percent, {value});
    } else if (strict_ && accept(TokenKind::Prime)) {
      value = arena_.named(Kind::Apply, "'", std::span(&value, 1));
    } else if (strict_ && is(TokenKind::Caret)) {
      // A power of something with a postfix: 3!^2.
      advance();
      Expr const to = exponent();
      if (!to) return {};
      value = arena_.power(value, to);
    } else {
      break;
    }
  }
  return value;
}

Expr Grammar::power() {
  Expr base = component();
  for (std::size_t count = 0; base && is(TokenKind::Caret) && count < 64; ++count) {
    advance();
    bool const braced_prime = strict_ && is(TokenKind::LeftBrace) && kind(1) == TokenKind::Prime;
    if (strict_ && (is(TokenKind::Prime) || braced_prime)) {
      if (braced_prime) advance();
      while (accept(TokenKind::Prime)) base = arena_.named(Kind::Apply, "'", std::span(&base, 1));
      if (braced_prime && !accept(TokenKind::RightBrace)) return fail("an open brace");
      continue;
    }
    Expr const to = exponent();
    if (!to) return {};
    skip_subscript();
    base = arena_.power(base, to);
  }
  return base;
}

Expr Grammar::exponent() {
  if (is(TokenKind::LeftBrace)) return braced();
  if (!strict_) return atom();
  if (is(TokenKind::Minus) || is(TokenKind::Plus)) {
    bool const minus = is(TokenKind::Minus);
    advance();
    Expr const value = component();
    return minus ? arena_.negate(value) : value;
  }
  return component();
}

}  // namespace grove::math::detail
