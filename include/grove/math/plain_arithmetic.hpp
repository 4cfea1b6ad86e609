// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "grove/math/expression.hpp"

namespace grove::math::detail {

/// Arithmetic of digits and `+ - * / ^ ( )` with programming languages' precedence; the empty handle where it is none.
Expr parse_arithmetic(Arena& arena, std::string_view text);

}  // namespace grove::math::detail
