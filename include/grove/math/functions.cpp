// SPDX-License-Identifier: Apache-2.0
#include "grove/math/value.hpp"

namespace grove::math::detail {

namespace {

using State = Value::State;

constexpr std::int64_t largest_factorial = 4000;

Value none(Value const& a) { return a.state == State::Undefined ? State::Undefined : State::Undecided; }

Value of(std::optional<Interval> x) { return x ? Value(Real(*std::move(x))) : Value(State::Undecided); }

}  // namespace

Value Calculator::exp(Value const& a) {
  if (a.state == State::Infinite) return a.re.is(1) ? a : Value(Real(0));
  if (!a.finite()) return none(a);
  if (!pay(16)) return State::Undecided;
  if (a.real()) return a.re.is(0) ? Value(Real(1)) : Value(Real(a.re.interval(precision_).exp()));
  Real const size = a.re.is(0) ? Real(1) : Real(a.re.interval(precision_).exp());
  auto const angle = a.im.interval(precision_);
  auto const c = angle.cos();
  auto const s = angle.sin();
  if (!c || !s) return State::Undecided;
  return {multiply(size, Real(*c)), multiply(size, Real(*s))};
}

Value Calculator::argument(Value const& a) {
  if (!a.finite() || !pay(16)) return none(a);
  auto const x = a.re.sign();
  auto const y = a.im.sign();
  if (y == 0) {
    if (!x) return State::Undecided;
    if (*x == 0) return State::Undefined;
    return *x > 0 ? Value(Real(0)) : Value(pi());
  }
  if (x && *x > 0) {
    auto const slope = divide(a.im, a.re);
    return slope ? Value(Real(slope->interval(precision_).atan())) : Value(State::Undecided);
  }
  if (!y) return State::Undecided;
  auto const slope = divide(a.re, a.im);
  if (!slope) return State::Undecided;
  Real const quarter = multiply(pi(), Real(Rational(*y, 2)));
  return add(quarter, Real(slope->interval(precision_).atan()).negated());
}

Value Calculator::log(Value const& a) {
  if (a.state == State::Infinite) return a.re.is(1) ? a : Value(State::Undefined);
  if (!a.finite()) return none(a);
  if (!pay(16)) return State::Undecided;
  if (a.real()) {
    auto const sign = a.re.sign();
    if (!sign) return State::Undecided;
    if (*sign == 0) return State::Undefined;
    if (a.re.is(1)) return Real(0);
    if (*sign > 0) return of(a.re.interval(precision_).log());
    auto size = a.re.negated().interval(precision_).log();
    if (!size) return State::Undecided;
    return {a.re.is(-1) ? Real(0) : Real(*std::move(size)), pi()};
  }
  Real const norm = add(multiply(a.re, a.re), multiply(a.im, a.im));
  auto size = norm.interval(precision_).log();
  Value const angle = argument(a);
  if (!size || !angle.finite()) return State::Undecided;
  return {multiply(Real(Rational(1, 2)), Real(*std::move(size))), angle.re};
}

Value Calculator::sin(Value const& a) {
  if (!a.finite() || !pay(16)) return none(a);
  if (a.real()) return a.re.is(0) ? a : of(a.re.interval(precision_).sin());
  // sin(x + iy) = sin x cosh y + i cos x sinh y
  Value const x(a.re);
  Value const y(a.im);
  Value const re = multiply(sin(x), cosh(y));
  Value const im = multiply(cos(x), sinh(y));
  if (!re.finite() || !im.finite()) return State::Undecided;
  return {re.re, im.re};
}

Value Calculator::cos(Value const& a) {
  if (!a.finite() || !pay(16)) return none(a);
  if (a.real()) return a.re.is(0) ? Value(Real(1)) : of(a.re.interval(precision_).cos());
  Value const x(a.re);
  Value const y(a.im);
  Value const re = multiply(cos(x), cosh(y));
  Value const im = multiply(sin(x), sinh(y));
  if (!re.finite() || !im.finite()) return State::Undecided;
  return {re.re, im.re.negated()};
}

Value Calculator::sinh(Value const& a) {
  if (!a.finite() || !pay(16)) return none(a);
  if (a.real()) return a.re.is(0) ? a : Value(Real(a.re.interval(precision_).sinh()));
  Value const turned = sin(Value(a.im.negated(), a.re));  // sinh z = -i sin(iz)
  return turned.finite() ? Value(turned.im, turned.re.negated()) : turned;
}

Value Calculator::cosh(Value const& a) {
  if (!a.finite() || !pay(16)) return none(a);
  if (a.real()) return a.re.is(0) ? Value(Real(1)) : Value(Real(a.re.interval(precision_).cosh()));
  return cos(Value(a.im.negated(), a.re));  // cosh z = cos(iz)
}

Value Calculator::arcsin(Value const& a) {
  if (!a.finite() || !pay(16)) return none(a);
  if (a.re.is(0) && a.real()) return a;
  // Real where |x| <= 1 is possible: an enclosure that reaches over 1 is that of 1.
  if (a.real() && a.re.interval(precision_).abs().compare(Interval::of(1, precision_)) <= 0) {
    return Real(a.re.interval(precision_).asin());
  }
  // -i ln(iz + sqrt(1 - z^2))
  Value const i(Real(0), Real(1));
  Value const inside = add(multiply(i, a), root(add(Value(Real(1)), negated(multiply(a, a))), Rational(1, 2)));
  return multiply(negated(i), log(inside));
}

Value Calculator::arctan(Value const& a) {
  if (a.state == State::Infinite) return multiply(Value(pi()), Value(Real(*a.re.exact() / Rational(2))));
  if (!a.finite() || !pay(16)) return none(a);
  if (a.real()) return a.re.is(0) ? a : Value(Real(a.re.interval(precision_).atan()));
  // i/2 (ln(1 - iz) - ln(1 + iz))
  Value const i(Real(0), Real(1));
  Value const turned = multiply(i, a);
  Value const difference = add(log(add(Value(Real(1)), negated(turned))), negated(log(add(Value(Real(1)), turned))));
  return multiply(Value(Real(0), Real(Rational(1, 2))), difference);
}

Value Calculator::arsinh(Value const& a) {
  if (!a.finite() || !pay(16)) return none(a);
  if (a.real()) return a.re.is(0) ? a : Value(Real(a.re.interval(precision_).asinh()));
  return log(add(a, root(add(multiply(a, a), Value(Real(1))), Rational(1, 2))));
}

Value Calculator::arcosh(Value const& a) {
  Value const plus = root(add(a, Value(Real(1))), Rational(1, 2));
  Value const minus = root(add(a, Value(Real(-1))), Rational(1, 2));
  return log(add(a, multiply(plus, minus)));
}

Value Calculator::artanh(Value const& a) {
  Value const difference = add(log(add(Value(Real(1)), a)), negated(log(add(Value(Real(1)), negated(a)))));
  return multiply(Value(Real(Rational(1, 2))), difference);
}

Value Calculator::absolute(Value const& a) {
  if (a.state == State::Infinite) return Value::infinity(1);
  if (!a.finite() || !pay(2)) return none(a);
  if (!a.real()) return square_root(add(multiply(a.re, a.re), multiply(a.im, a.im)));
  if (Rational const* q = a.re.exact()) return Real(q->abs());
  return Real(a.re.interval(precision_).abs());
}

Value Calculator::floor(Value const& a) {
  if (!a.finite() || !a.real() || !pay(2)) return none(a);
  if (Rational const* q = a.re.exact()) return Real(q->floor());
  return of(a.re.interval(precision_).floor());
}

Value Calculator::sign(Value const& a) {
  if (a.state == State::Infinite) return Real(*a.re.exact());
  if (!a.finite() || !a.real()) return none(a);
  auto const sign = a.re.sign();
  return sign ? Value(Real(*sign)) : Value(State::Undecided);
}

Value Calculator::factorial(Value const& a) {
  if (a.state == State::Infinite && a.re.is(1)) return a;
  Rational const* q = a.exact();
  if (q == nullptr || !q->is_integer()) return gamma(add(a, Value(Real(1))));
  if (q->sign() < 0) return State::Undefined;
  auto const n = q->as_int64();
  if (!n || *n > largest_factorial || !pay(static_cast<int>(2 + *n / 4))) return State::Undecided;
  if (*n > 400) return Real(Interval::factorial(static_cast<unsigned long>(*n), precision_));
  Rational product(1);
  for (std::int64_t k = 2; k <= *n; ++k) product = product * Rational(k);
  return Real(std::move(product));
}

Value Calculator::gamma(Value const& a) {
  if (!a.finite() || !a.real()) return none(a);
  if (Rational const* q = a.exact(); q != nullptr && q->is_integer()) {
    return q->sign() <= 0 ? Value(State::Undefined) : factorial(add(a, Value(Real(-1))));
  }
  if (!pay(64)) return State::Undecided;
  // Where gamma does not grow yet it is reached from above: gamma(x) = gamma(x + 1) / x.
  Value shifted = a;
  Value divisor{Real(1)};
  for (int steps = 0; steps < 32; ++steps) {
    if (auto result = shifted.re.interval(precision_).gamma()) {
      return multiply(Value(Real(*std::move(result))), invert(divisor));
    }
    if (shifted.re.interval(precision_).middle() > 4) return State::Undecided;
    divisor = multiply(divisor, shifted);
    shifted = add(shifted, Value(Real(1)));
  }
  return State::Undecided;
}

}  // namespace grove::math::detail
