// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace grove::math::detail {

/// A text in which the marks around an answer are white space: Markdown's stars (**5**, *5*), underscores, backticks,
/// quotation marks. Those of a power (2**3) or a derivative stay.
std::string without_marks(std::string_view text);

/// What stands behind the last "answer is" or "answer:" up to the sentence's end; empty if there is none, or if the
/// words before it take it back.
std::string_view said_answer(std::string_view text);

/// A piece of a sentence with what is written to its end without a space (12x, 12kg) and with a word that multiplies it
/// (12 million).
std::string_view with_what_belongs_to_it(std::string_view text, std::string_view piece);

/// Does the sentence around a number say that the answer is that number, and no more? Not "is not 15", "is less than
/// 15", "is the square of 15", "if the answer is 15", "is 15 or 16", "is 15 squared", "is 15 in base 8".
bool says_only(std::string_view before, std::string_view behind);

}  // namespace grove::math::detail
