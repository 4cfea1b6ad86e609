// SPDX-License-Identifier: Apache-2.0
#include "grove/math/value.hpp"

#include <array>
#include <cstdlib>

namespace grove::math::detail {

namespace {

constexpr std::uint64_t exact_bits = 4096;  // beyond this an exact number becomes an enclosure
constexpr std::int64_t largest_root = 1 << 16;

using State = Value::State;

std::uint64_t size(std::int64_t n) { return static_cast<std::uint64_t>(n < 0 ? -n : n); }

/// What an operation on values that are not both finite is, where infinity plays no part.
Value none_of(Value const& a, Value const& b) {
  return a.state == State::Undefined || b.state == State::Undefined ? State::Undefined : State::Undecided;
}

bool usable(Value const& a) { return a.finite() || a.state == State::Infinite; }

}  // namespace

std::optional<int> Real::sign() const {
  if (Rational const* q = exact()) return q->sign();
  auto const& x = std::get<Interval>(value_);
  if (x.positive()) return 1;
  if (x.negative()) return -1;
  return std::nullopt;
}

Real Real::negated() const {
  if (Rational const* q = exact()) return -*q;
  return std::get<Interval>(value_).negated();
}

bool Calculator::pay(int weight) {
  auto const words = static_cast<std::int64_t>(precision_ / 64);
  return fuel_.spend(weight * (1 + words * words / 8));
}

Real Calculator::bounded(Rational value) const {
  if (value.bits() <= exact_bits) return value;
  return Interval::of(value, precision_);
}

Real Calculator::add(Real const& a, Real const& b) {
  if (a.exact() != nullptr && b.exact() != nullptr) return bounded(*a.exact() + *b.exact());
  if (a.is(0)) return b;
  if (b.is(0)) return a;
  return a.interval(precision_) + b.interval(precision_);
}

Real Calculator::multiply(Real const& a, Real const& b) {
  if (a.exact() != nullptr && b.exact() != nullptr) return bounded(*a.exact() * *b.exact());
  if (a.is(0) || b.is(0)) return 0;
  if (a.is(1)) return b;
  if (b.is(1)) return a;
  return a.interval(precision_) * b.interval(precision_);
}

std::optional<Real> Calculator::divide(Real const& a, Real const& b) {
  if (b.is(0)) return std::nullopt;
  if (a.exact() != nullptr && b.exact() != nullptr) return bounded(*a.exact() / *b.exact());
  if (a.is(0)) return a;
  auto quotient = Interval::divide(a.interval(precision_), b.interval(precision_));
  if (!quotient) return std::nullopt;
  return Real(*std::move(quotient));
}

Real Calculator::square_root(Real const& a) const {
  if (Rational const* q = a.exact()) {
    if (auto exact = q->root(2)) return *std::move(exact);
  }
  return a.interval(precision_).root(2);
}

Value Calculator::negated(Value const& a) {
  Value result(a.re.negated(), a.im.is(0) ? a.im : a.im.negated());
  result.state = a.state;
  return result;
}

Value Calculator::add(Value const& a, Value const& b) {
  if (!pay(1)) return State::Undecided;
  if (a.finite() && b.finite()) {
    return {add(a.re, b.re), a.real() && b.real() ? Real() : add(a.im, b.im)};
  }
  if (!usable(a) || !usable(b)) return none_of(a, b);
  if (a.finite()) return b;
  if (b.finite()) return a;
  return *a.re.exact() == *b.re.exact() ? a : Value(State::Undefined);
}

Value Calculator::multiply(Value const& a, Value const& b) {
  if (!pay(1)) return State::Undecided;
  if (a.finite() && b.finite()) {
    if (a.real() && b.real()) return multiply(a.re, b.re);
    return {add(multiply(a.re, b.re), multiply(a.im, b.im).negated()), add(multiply(a.re, b.im), multiply(a.im, b.re))};
  }
  if (!usable(a) || !usable(b)) return none_of(a, b);
  if (!a.real() || !b.real()) return State::Undefined;
  auto const x = a.re.sign();
  auto const y = b.re.sign();
  if (!x || !y) return State::Undecided;
  if (*x * *y == 0) return State::Undefined;
  return Value::infinity(*x * *y);
}

Value Calculator::invert(Value const& a) {
  if (!pay(1)) return State::Undecided;
  if (a.state == State::Infinite) return Real(0);
  if (!a.finite()) return a.state;
  if (a.real()) {
    if (a.re.is(0)) return State::Undefined;
    auto inverse = divide(Real(1), a.re);
    return inverse ? Value(*std::move(inverse)) : Value(State::Undecided);
  }
  Real const norm = add(multiply(a.re, a.re), multiply(a.im, a.im));
  auto re = divide(a.re, norm);
  auto im = divide(a.im.negated(), norm);
  if (!re || !im) return State::Undecided;
  return {*std::move(re), *std::move(im)};
}

Value Calculator::integer_power(Value const& base, std::int64_t exponent) {
  std::uint64_t const n = size(exponent);
  if (n == 0) return Real(1);
  if (exponent < 0) return invert(integer_power(base, static_cast<std::int64_t>(n)));
  if (!pay(2)) return State::Undecided;
  if (base.real()) {
    if (Rational const* q = base.re.exact()) {
      if (n == 1 || q->bits() <= 2 || (n <= exact_bits && q->bits() * n <= exact_bits)) return Real(q->power(exponent));
    }
    return Real(base.re.interval(precision_).power(n));
  }
  if (n > 4096) return exp(multiply(Value(Real(Rational(exponent))), log(base)));
  Value result{Real(1)};
  Value square = base;
  for (std::uint64_t left = n;;) {
    if ((left & 1U) != 0) result = multiply(result, square);
    left >>= 1U;
    if (left == 0) return result;
    square = multiply(square, square);
  }
}

Value Calculator::real_power(Real const& base, Rational const& exponent) {
  // A positive base, an exponent that is no integer.
  auto const top = exponent.numerator().as_int64();
  auto const bottom = exponent.denominator().as_int64();
  if (!pay(4)) return State::Undecided;
  if (!top || !bottom || *bottom > largest_root) return exp(multiply(Value(Real(exponent)), log(base)));
  if (Rational const* q = base.exact(); q != nullptr) {
    if (auto exact = q->root(static_cast<std::uint32_t>(*bottom)))
      return integer_power(Value(Real(*std::move(exact))), *top);
  }
  return integer_power(Value(Real(base.interval(precision_).root(static_cast<unsigned long>(*bottom)))), *top);
}

Value Calculator::root(Value const& a, Rational const& exponent) {
  if (a.state == State::Infinite && a.re.is(1)) return exponent.sign() > 0 ? a : Value(Real(0));
  if (!a.finite()) return a.state == State::Undefined ? State::Undefined : State::Undecided;
  if (!a.real()) return exp(multiply(Value(Real(exponent)), log(a)));
  if (a.re.is(0)) return exponent.sign() > 0 ? Value(Real(0)) : Value(State::Undefined);
  auto const sign = a.re.sign();
  if (!sign && exponent.sign() < 0) return State::Undecided;
  if (sign.value_or(1) > 0) return real_power(a.re, exponent);
  Real const size = a.re.negated();
  bool const odd = exponent.denominator().as_int64().value_or(0) % 2 != 0;
  if (roots_ == RootConvention::Real && odd) {
    Value const power = real_power(size, exponent);
    return exponent.numerator().as_int64().value_or(0) % 2 != 0 ? negated(power) : power;
  }
  if (exponent.denominator() == Rational(2)) {
    Value const i(Real(0), Real(1));
    Rational const quarter = exponent.numerator() - (exponent.numerator() / Rational(4)).floor() * Rational(4);
    return multiply(real_power(size, exponent), integer_power(i, quarter.as_int64().value_or(1)));
  }
  return exp(multiply(Value(Real(exponent)), log(a)));
}

Value Calculator::power(Value const& base, Value const& exponent) {
  if (base.state == State::Undefined || exponent.state == State::Undefined) return State::Undefined;
  if (base.state == State::Undecided || exponent.state == State::Undecided) return State::Undecided;
  if (exponent.state == State::Infinite) {
    // 2^oo and 2^-oo; anything else has no value here.
    if (!base.finite() || !base.real()) return State::Undefined;
    Value const distance = add(base, Value(Real(-1)));
    auto const sign = distance.re.sign();
    if (!sign || base.re.sign().value_or(0) <= 0 || *sign == 0) return State::Undefined;
    return (*sign > 0) == exponent.re.is(1) ? Value::infinity(1) : Value(Real(0));
  }
  if (Rational const* e = exponent.exact()) {
    if (base.state == State::Infinite) {
      if (e->is_zero()) return State::Undefined;
      if (e->sign() < 0) return Real(0);
      auto const n = e->as_int64();
      if (base.re.is(-1) && !n) return State::Undefined;
      return Value::infinity(base.re.is(-1) && *n % 2 != 0 ? -1 : 1);
    }
    if (auto const n = e->as_int64()) {
      if (base.real() && base.re.is(0) && *n < 0) return State::Undefined;
      return integer_power(base, *n);
    }
    if (!e->is_integer()) return root(base, *e);
  }
  if (!base.finite()) return State::Undecided;
  if (base.real() && base.re.is(0)) {
    auto const sign = exponent.re.sign();
    return sign && *sign > 0 ? Value(Real(0)) : Value(State::Undecided);
  }
  if (base.real() && base.re.is(1)) return Real(1);
  return exp(multiply(exponent, log(base)));
}

}  // namespace grove::math::detail
