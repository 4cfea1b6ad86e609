// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "grove/math/token.hpp"

namespace grove::math::detail {

/// Is it a piece of text or of a mathematical font: words, not a symbol?
bool is_text(Token const& token);

/// Words in lower case with single spaces, without brackets around them and without what ends a sentence.
std::string text_words(std::string_view text);

/// What joins two answers or conditions.
enum class Connective : std::uint8_t { None, And, Or };
Connective connective(Token const& token);

}  // namespace grove::math::detail
