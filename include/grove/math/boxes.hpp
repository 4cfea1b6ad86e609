// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "grove/math/extract_options.hpp"

namespace grove::math::detail {

/// Writes what stands in the `\boxed{..}` and `\fbox{..}` of a text to `out`: all of them, or the last with the
/// neighbours that belong to it (Math-Verify's rule: less than 10 characters away, or less than 70 with a separator),
/// joined by commas. False and nothing written if there is no box. Linear in the text.
bool box_contents(std::string_view text, BoxMode mode, std::string& out);

/// The position of the brace that closes the one at `open`, below `end`; npos if there is none.
std::size_t closing_brace(std::string_view text, std::size_t open, std::size_t end);

}  // namespace grove::math::detail
