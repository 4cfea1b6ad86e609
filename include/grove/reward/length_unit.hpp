// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "grove/completion.hpp"
#include "grove/reward/unicode.hpp"

namespace grove {

/// What a completion's length is counted in.
enum class LengthUnit : std::uint8_t {
  Token,      ///< sampled tokens, with the one that ended it
  Character,  ///< code points of its text, as open-r1 and open-rs count
};

constexpr std::size_t length_of(Completion const& completion, LengthUnit unit) {
  return unit == LengthUnit::Token ? completion.tokens.size() : count_code_points(completion.text);
}

}  // namespace grove
