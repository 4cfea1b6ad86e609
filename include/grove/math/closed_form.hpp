// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/expression.hpp"
#include "grove/math/fuel.hpp"

namespace grove::math::detail {

/// Copies an expression with the values of what can be worked out exactly, of rational numbers and one variable: limits
/// of quotients of polynomials (0/0 and at infinity too), definite integrals of polynomials, sums of geometric terms to
/// infinity. Everything else stays as written.
Expr closed_forms(Arena& arena, Expr e, Fuel& fuel);

}  // namespace grove::math::detail
