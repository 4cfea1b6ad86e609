// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "grove/math/fuel.hpp"
#include "grove/math/interval.hpp"
#include "grove/math/rational.hpp"
#include "grove/math/zero_test.hpp"

namespace grove::math::detail {

/// A real number: exactly known, or enclosed. Only compiled files include this.
class Real {
 public:
  Real() = default;
  Real(Rational value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): both are real numbers
  Real(Interval value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Real(int value) : value_(Rational(value)) {}        // NOLINT(google-explicit-constructor)

  [[nodiscard]] Rational const* exact() const { return std::get_if<Rational>(&value_); }
  [[nodiscard]] bool is(std::int64_t value) const { return exact() != nullptr && *exact() == Rational(value); }
  [[nodiscard]] Interval interval(mpfr_prec_t precision) const {
    return exact() != nullptr ? Interval::of(*exact(), precision) : std::get<Interval>(value_);
  }
  /// None if the enclosure holds 0 and more.
  [[nodiscard]] std::optional<int> sign() const;
  [[nodiscard]] Real negated() const;

 private:
  std::variant<Rational, Interval> value_;
};

/// What an expression evaluates to.
struct Value {
  enum class State : std::uint8_t {
    Finite,
    Infinite,   ///< real and infinite, re is 1 or -1
    Undefined,  ///< certainly no value: 1/0, ln 0
    Undecided,  ///< not at this precision, or no rule for it
  };

  Value() = default;
  Value(Real real) : re(std::move(real)) {}  // NOLINT(google-explicit-constructor)
  Value(Real real, Real imaginary) : re(std::move(real)), im(std::move(imaginary)) {}
  Value(State none) : state(none) {}  // NOLINT(google-explicit-constructor)
  static Value infinity(int sign) {
    Value value{Real(sign)};
    value.state = State::Infinite;
    return value;
  }

  [[nodiscard]] bool finite() const { return state == State::Finite; }
  [[nodiscard]] bool real() const { return im.is(0); }
  [[nodiscard]] Rational const* exact() const { return finite() && real() ? re.exact() : nullptr; }

  State state = State::Finite;
  Real re;
  Real im;
};

/// Arithmetic and functions on values at one precision; exact where the operands are and the result is.
class Calculator {
 public:
  Calculator(mpfr_prec_t precision, RootConvention roots, Fuel& fuel)
      : precision_(precision), roots_(roots), fuel_(fuel) {
    free_caches_with_thread();
  }

  Value add(Value const& a, Value const& b);
  Value multiply(Value const& a, Value const& b);
  Value invert(Value const& a);
  Value power(Value const& base, Value const& exponent);
  /// The real root where there is one under RootConvention::Real, else the principal one.
  Value root(Value const& a, Rational const& exponent);
  static Value negate(Value const& a) { return negated(a); }

  Value exp(Value const& a);
  Value log(Value const& a);
  Value sin(Value const& a);
  Value cos(Value const& a);
  Value sinh(Value const& a);
  Value cosh(Value const& a);
  Value arcsin(Value const& a);
  Value arctan(Value const& a);
  Value arsinh(Value const& a);
  Value arcosh(Value const& a);
  Value artanh(Value const& a);
  Value absolute(Value const& a);
  Value argument(Value const& a);
  Value floor(Value const& a);
  Value sign(Value const& a);
  Value factorial(Value const& a);
  Value gamma(Value const& a);

  [[nodiscard]] mpfr_prec_t precision() const { return precision_; }
  [[nodiscard]] Fuel& fuel() { return fuel_; }
  [[nodiscard]] Real pi() const { return Interval::pi(precision_); }

  Real add(Real const& a, Real const& b);
  Real multiply(Real const& a, Real const& b);
  /// None where b may be 0.
  std::optional<Real> divide(Real const& a, Real const& b);
  [[nodiscard]] Real square_root(Real const& a) const;

 private:
  static Value negated(Value const& a);
  Value integer_power(Value const& base, std::int64_t exponent);
  Value real_power(Real const& base, Rational const& exponent);
  [[nodiscard]] Real bounded(Rational value) const;
  bool pay(int weight);

  mpfr_prec_t precision_;
  RootConvention roots_;
  Fuel& fuel_;
};

}  // namespace grove::math::detail
