// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/expression.hpp"

namespace grove::math::detail {

/// Sums, products, small powers, transposes and inverses of matrices worked out into one matrix, entries as they come;
/// what cannot be (shapes that do not fit, too large) stays as written.
Expr fold_matrices(Arena& arena, Expr e);

}  // namespace grove::math::detail
