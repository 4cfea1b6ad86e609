// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace grove::math::detail {

/// The strict dialect's view of a text without how it is shown: sizes, colours, tags, quotation marks around the whole,
/// "therefore" and "The answer is" in front, a check mark behind; digits and signs of full width in ASCII. `out` holds
/// the result where something changed. Linear in the text.
std::string_view without_presentation(std::string_view text, std::string& out);

}  // namespace grove::math::detail
