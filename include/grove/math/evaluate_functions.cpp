// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numeric>

#include "grove/math/evaluate.hpp"

namespace grove::math::detail {

namespace {

using State = Value::State;

constexpr std::int64_t largest_count = 4000;

std::optional<std::int64_t> whole(Value const& x) {
  return x.exact() != nullptr ? x.exact()->as_int64() : std::nullopt;
}

/// k with base^k = x for rational k of a small denominator.
std::optional<Rational> exact_logarithm(Rational const& x, Rational const& base) {
  if (x.sign() <= 0 || base.sign() <= 0 || base.is_one()) return std::nullopt;
  double const ratio = std::log(x.to_double()) / std::log(base.to_double());
  if (!std::isfinite(ratio) || std::abs(ratio) > 200) return std::nullopt;
  for (std::int64_t q = 1; q <= 6; ++q) {
    double const p = std::round(ratio * static_cast<double>(q));
    if (std::abs(ratio * static_cast<double>(q) - p) > 1e-9) continue;
    auto const top = static_cast<std::int64_t>(p);
    if (x.power(q) == base.power(top)) return Rational(top, q);
  }
  return std::nullopt;
}

}  // namespace

Value Evaluator::of_one(Function which, Value const& x) {
  if (which <= Function::Csc) return trigonometric(which, x);
  if (which >= Function::Sinh && which <= Function::Csch) return hyperbolic(which, x);
  if (which <= Function::Arcsch) return inverse(which, x);
  switch (which) {
    case Function::Exp:
      return calculator_.exp(x);
    case Function::Ln:
      return calculator_.log(x);
    case Function::Abs:
    case Function::Norm:
      return calculator_.absolute(x);
    case Function::Floor:
      return calculator_.floor(x);
    case Function::Ceiling:
      return Calculator::negate(calculator_.floor(Calculator::negate(x)));
    case Function::Sign:
      return calculator_.sign(x);
    case Function::Factorial:
      return calculator_.factorial(x);
    case Function::Gamma:
      return calculator_.gamma(x);
    case Function::Real:
      return x.finite() ? Value(x.re) : x;
    case Function::Imaginary:
      return x.finite() ? Value(x.im) : Value(State::Undecided);
    case Function::Argument:
      return calculator_.argument(x);
    case Function::Conjugate:
      return x.finite() && !x.real() ? Value(x.re, x.im.negated()) : x;
    case Function::DoubleFactorial:
    case Function::Subfactorial:
      break;
    default:
      return State::Undecided;
  }
  auto const n = whole(x);
  if (!n || *n < 0 || *n > 300 || !calculator_.fuel().spend(2 + *n / 4)) return State::Undecided;
  Rational product(1);
  if (which == Function::DoubleFactorial) {
    for (std::int64_t k = *n; k > 1; k -= 2) product = product * Rational(k);
  } else {
    for (std::int64_t k = 1; k <= *n; ++k) product = product * Rational(k) + Rational(k % 2 == 0 ? 1 : -1);
  }
  return Real(std::move(product));
}

Value Evaluator::trigonometric(Function which, Value const& x) {
  switch (which) {
    case Function::Sin:
      return calculator_.sin(x);
    case Function::Cos:
      return calculator_.cos(x);
    case Function::Tan:
      return calculator_.multiply(calculator_.sin(x), calculator_.invert(calculator_.cos(x)));
    case Function::Cot:
      return calculator_.multiply(calculator_.cos(x), calculator_.invert(calculator_.sin(x)));
    case Function::Sec:
      return calculator_.invert(calculator_.cos(x));
    default:
      return calculator_.invert(calculator_.sin(x));
  }
}

Value Evaluator::hyperbolic(Function which, Value const& x) {
  switch (which) {
    case Function::Sinh:
      return calculator_.sinh(x);
    case Function::Cosh:
      return calculator_.cosh(x);
    case Function::Tanh:
      return calculator_.multiply(calculator_.sinh(x), calculator_.invert(calculator_.cosh(x)));
    case Function::Coth:
      return calculator_.multiply(calculator_.cosh(x), calculator_.invert(calculator_.sinh(x)));
    case Function::Sech:
      return calculator_.invert(calculator_.cosh(x));
    default:
      return calculator_.invert(calculator_.sinh(x));
  }
}

Value Evaluator::inverse(Function which, Value const& x) {
  Value const half_pi = calculator_.multiply(Value(calculator_.pi()), Value(Real(Rational(1, 2))));
  auto const complement = [&](Value const& y) { return calculator_.add(half_pi, Calculator::negate(y)); };
  switch (which) {
    case Function::Arcsin:
      return calculator_.arcsin(x);
    case Function::Arccos:
      return complement(calculator_.arcsin(x));
    case Function::Arctan:
      return calculator_.arctan(x);
    case Function::Arccot:
      return complement(calculator_.arctan(x));
    case Function::Arcsec:
      return complement(calculator_.arcsin(calculator_.invert(x)));
    case Function::Arccsc:
      return calculator_.arcsin(calculator_.invert(x));
    case Function::Arsinh:
      return calculator_.arsinh(x);
    case Function::Arcosh:
      return calculator_.arcosh(x);
    case Function::Artanh:
      return calculator_.artanh(x);
    case Function::Arcoth:
      return calculator_.artanh(calculator_.invert(x));
    case Function::Arsech:
      return calculator_.arcosh(calculator_.invert(x));
    default:
      return calculator_.arsinh(calculator_.invert(x));
  }
}

Value Evaluator::of_two(Function which, Value const& x, Value const& y) {
  switch (which) {
    case Function::Log:
      return logarithm(x, y);
    case Function::Root: {
      Value const exponent = calculator_.invert(y);
      return exponent.exact() != nullptr && !exponent.exact()->is_integer() ? calculator_.root(x, *exponent.exact())
                                                                            : calculator_.power(x, exponent);
    }
    case Function::Binomial:
      return binomial(x, y);
    case Function::Permutations:
      return falling(x, y);
    case Function::Modulo: {
      Value const quotient = calculator_.floor(calculator_.multiply(x, calculator_.invert(y)));
      return calculator_.add(x, Calculator::negate(calculator_.multiply(y, quotient)));
    }
    default:
      return State::Undecided;
  }
}

Value Evaluator::logarithm(Value const& x, Value const& base) {
  if (x.exact() != nullptr && base.exact() != nullptr) {
    if (auto exact = exact_logarithm(*x.exact(), *base.exact())) return Real(*std::move(exact));
  }
  return calculator_.multiply(calculator_.log(x), calculator_.invert(calculator_.log(base)));
}

Value Evaluator::falling(Value const& n, Value const& k) {
  auto const count = whole(k);
  if (!count || *count < 0 || *count > largest_count || !n.finite()) return State::Undecided;
  Value product{Real(1)};
  for (std::int64_t i = 0; i < *count && !calculator_.fuel().empty(); ++i) {
    product = calculator_.multiply(product, calculator_.add(n, Value(Real(Rational(-i)))));
  }
  return product;
}

Value Evaluator::binomial(Value const& n, Value const& k) {
  auto const top = whole(n);
  auto const count = whole(k);
  if (top && count && *top >= 0) {
    if (*count < 0 || *count > *top) return Real(0);
    if (*count > *top / 2) return binomial(n, Value(Real(Rational(*top - *count))));
  }
  return calculator_.multiply(falling(n, k), calculator_.invert(calculator_.factorial(k)));
}

Value Evaluator::of_many(Function which, std::span<Expr const> arguments) {  // NOLINT(misc-no-recursion)
  if (arguments.empty()) return State::Undecided;
  Value result = (*this)(arguments[0]);
  for (Expr const argument : arguments.subspan(1)) {
    Value const next = (*this)(argument);
    if (which == Function::Gcd || which == Function::Lcm) {
      auto const a = whole(result);
      auto const b = whole(next);
      constexpr std::int64_t largest = std::int64_t{1} << 31U;
      if (!a || !b || std::abs(*a) > largest || std::abs(*b) > largest) return State::Undecided;
      result = Real(Rational(which == Function::Gcd ? std::gcd(*a, *b) : std::lcm(*a, *b)));
      continue;
    }
    if (!result.finite() || !next.finite() || !result.real() || !next.real()) return State::Undecided;
    if (result.exact() != nullptr && next.exact() != nullptr) {
      bool const keep = (*result.exact() < *next.exact()) == (which == Function::Min);
      if (!keep) result = next;
      continue;
    }
    Interval const a = result.re.interval(calculator_.precision());
    Interval const b = next.re.interval(calculator_.precision());
    result = Real(which == Function::Min ? Interval::min(a, b) : Interval::max(a, b));
  }
  return result;
}

}  // namespace grove::math::detail
