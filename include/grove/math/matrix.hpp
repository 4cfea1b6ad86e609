// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/expression.hpp"

namespace grove::math::detail {

/// Are powers below 1 worked out? Math-Verify leaves them.
enum class Inverses : bool { AsWritten, WorkedOut };

/// Sums, products, small powers and transposes (and inverses) of matrices worked out into one matrix, entries as they
/// come; what cannot be (shapes that do not fit, too large) stays as written.
Expr fold_matrices(Arena& arena, Expr e, Inverses inverses = Inverses::AsWritten);

}  // namespace grove::math::detail
