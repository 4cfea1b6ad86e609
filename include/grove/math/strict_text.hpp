// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace grove::math::detail {

/// The strict dialect's normalisation, of text only, before it is scanned: fonts and text commands around numbers and
/// single letters are opened, dollar signs, empty groups and final punctuation go, fractions, powers and indices of one
/// character become LaTeX. What is a unit or a word stays.
std::string strict_text(std::string_view text);

/// Does a text begin with a fraction, a superscript or a subscript that is one character?
bool begins_with_script(std::string_view text);

}  // namespace grove::math::detail
