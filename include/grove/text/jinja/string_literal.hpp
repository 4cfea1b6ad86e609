// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "grove/text/jinja/runtime.hpp"

namespace grove::text::jinja {

/// What stands between the quotes of a text literal, with Python's escapes resolved (codec "unicode-escape", as jinja2
/// applies it: a backslash before a character beyond ASCII keeps it from being one).
std::string unescape(Runtime& runtime, std::string_view text);

}  // namespace grove::text::jinja
