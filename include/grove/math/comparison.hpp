// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/expression.hpp"
#include "grove/math/fuel.hpp"
#include "grove/math/verdict.hpp"
#include "grove/math/zero_test.hpp"

namespace grove::math {

// How two parsed answers are compared, a type a policy; one object serves all threads. Both expressions live in the
// arena given, which takes the nodes made on the way. Verdicts depend on the arguments alone.

/// Mathematically right, and an equivalence relation as far as it decides: what is equal as numbers at every point of
/// the common domain, sets without order, tuples with it, relations with the same solutions up to a constant factor.
class StrictComparison {
 public:
  struct Options {
    bool degrees_as_numbers = true;  ///< 90 degrees = 90 (else pi/2)
    bool units_ignored = true;       ///< 5 cm = 5 inches = 5 (else two units must be the same)
    bool lists_ordered = false;      ///< is the list `1, 2` different from `2, 1`?
  };
  StrictComparison() : StrictComparison(Options{}) {}
  explicit StrictComparison(Options options);
  Judgement operator()(Arena& arena, Expr gold, Expr answer, Fuel& fuel) const;

 private:
  Options options_;
  ZeroTest zero_;
};

/// What Math-Verify 0.9 decides in `verify(gold, answer)`, its order of rules and its asymmetries included.
class CompatibleComparison {
 public:
  struct Options {
    int float_rounding = 6;      ///< decimals to which numbers written with a point are rounded
    int numeric_precision = 15;  ///< digits to which exact numbers are compared
    bool strict = true;          ///< false: variables may have other names
    bool allow_set_relation_comparison = false;
  };
  CompatibleComparison() : CompatibleComparison(Options{}) {}
  explicit CompatibleComparison(Options options);
  Judgement operator()(Arena& arena, Expr gold, Expr answer, Fuel& fuel) const;

 private:
  Options options_;
  ZeroTest zero_;
};

}  // namespace grove::math
