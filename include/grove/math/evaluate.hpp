// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "grove/math/expression.hpp"
#include "grove/math/value.hpp"

namespace grove::math::detail {

/// 64 bits that depend on the characters and the salt alone, the same on every machine.
std::uint64_t stable_hash(std::string_view text, std::uint64_t salt);

/// Where expressions are evaluated: free variables stand for numbers drawn from their names and the point's number.
struct Point {
  std::uint64_t number = 0;
  bool mixed_signs = false;  ///< else all variables are positive
  /// Names of variables that count or bound something (of sums, factorials): they stand for small whole numbers.
  std::vector<std::uint32_t> const* whole = nullptr;
};

/// Evaluates scalar expressions at a point; constants where there are no variables.
class Evaluator {
 public:
  Evaluator(Arena const& arena, Calculator& calculator, ZeroTestOptions const& options, Point point)
      : arena_(arena), calculator_(calculator), options_(options), point_(point) {}

  Value operator()(Expr e);

  /// Sums without end, integrals, derivatives and the like met so far: each stands for a number drawn from how it is
  /// written, so alike ones cancel. A digest of which they were; 0 for none. Values with different digests say nothing
  /// about each other.
  [[nodiscard]] std::uint64_t opaque() const { return opaque_; }

 private:
  Value variable(Expr e);
  Value constant(Constant which);
  Value add(Expr e);
  Value multiply(Expr e);
  Value power(Expr e);
  Value function(Expr e);
  Value of_one(Function which, Value const& x);
  Value of_two(Function which, Value const& x, Value const& y);
  Value trigonometric(Function which, Value const& x);
  Value hyperbolic(Function which, Value const& x);
  Value inverse(Function which, Value const& x);
  Value logarithm(Value const& x, Value const& base);
  Value binomial(Value const& n, Value const& k);
  Value falling(Value const& n, Value const& k);
  Value of_many(Function which, std::span<Expr const> arguments);
  Value apply(Expr e);
  Value repeat(Expr e);
  Value limit(Expr e);
  Value determinant(Expr e);
  Value opaque(Expr e);

  struct Binding {
    std::uint32_t name;
    Value value;
  };

  Arena const& arena_;
  Calculator& calculator_;
  ZeroTestOptions const& options_;
  Point point_;
  std::vector<Binding> bound_;
  std::uint64_t opaque_ = 0;
  bool in_angle_ = false;
};

}  // namespace grove::math::detail
