// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "grove/math/rational.hpp"

namespace grove::math::detail {

/// The number that English words say, all of them and nothing else: "five", "minus twenty-five", "two hundred and
/// six", "three quarters", "two and a half". None for every other text.
std::optional<Rational> number_of_words(std::string_view words);

}  // namespace grove::math::detail
