// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "grove/math/expression.hpp"
#include "grove/math/fuel.hpp"
#include "grove/math/rational.hpp"
#include "grove/math/verdict.hpp"

namespace grove::math {

/// How roots of negative numbers are read.
enum class RootConvention : std::uint8_t {
  Real,       ///< the cube root of -8 is -2, as (-8)^(1/3) is
  Principal,  ///< it is 1 + sqrt(3) i; Function::Root of a negative number too
};

struct ZeroTestOptions {
  RootConvention roots = RootConvention::Real;
  bool degrees_as_numbers = true;   ///< outside of trigonometric functions; within them a degree is pi/180
  bool ignore_degrees = false;      ///< sin 30 degrees is sin of 30 radians
  bool complex_values = false;      ///< where variables are negative, both sides count even if they are complex
  bool positive_variables = false;  ///< variables stand for positive numbers only, so sqrt(x^2) = x
};

/// Are two scalar expressions the same number, or the same function of their variables?
///
/// Different is certain: disjoint enclosures or unlike exact values at some point. Equal is exact for rational numbers,
/// exact up to a chance below 2^-50 for rational functions (values modulo primes near 2^61 at points drawn from the
/// expressions' own names), and beyond that means that enclosures of more than 250 bits of both sides agree
/// (constants), or do at several points (functions). Points where a side has no value are skipped; where variables are
/// negative a point also counts only if both sides are real, so ln(ab) = ln a + ln b, and sqrt(x^2) differs from x.
/// Without enough points the verdict is Unknown.
class ZeroTest {
 public:
  explicit ZeroTest(ZeroTestOptions options = {}) : options_(options) {}

  Judgement equal(Arena const& arena, Expr a, Expr b, Fuel& fuel) const;
  /// Sign of a real constant; none if it is not one, or is too close to 0.
  std::optional<int> sign(Arena const& arena, Expr e, Fuel& fuel) const;
  /// Order of two real constants: -1, 0 or 1.
  std::optional<int> order(Arena const& arena, Expr a, Expr b, Fuel& fuel) const;
  /// The exact value, if the expression is a rational number by arithmetic alone.
  std::optional<Rational> rational(Arena const& arena, Expr e, Fuel& fuel) const;
  /// Is one a constant multiple of the other? The sign of that constant (1 if it is not real), or 0 if not; none if
  /// unknown, as where neither changes with its variables.
  std::optional<int> proportional(Arena const& arena, Expr a, Expr b, Fuel& fuel) const;
  /// A value to 53 bits of a real constant.
  std::optional<double> approximate(Arena const& arena, Expr e, Fuel& fuel) const;

  [[nodiscard]] ZeroTestOptions const& options() const { return options_; }

 private:
  ZeroTestOptions options_;
};

}  // namespace grove::math
