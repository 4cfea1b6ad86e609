// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "grove/text/jinja/builtin.hpp"

/// The methods of Python's str.
namespace grove::text::jinja {

/// find, count, startswith, split, replace, strip, ...
std::span<Builtin const> text_search_methods();
/// upper, title, center, isdigit, ...
std::span<Builtin const> text_form_methods();

/// What the filters share with the methods.
std::string replaced(Runtime& runtime, std::string_view text, std::string_view old, std::string_view replacement,
                     std::int64_t count);
std::string_view stripped(std::string_view text, std::string_view characters, bool left, bool right);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);
std::string centered(Runtime& runtime, std::string_view text, std::int64_t width, std::string_view fill);

}  // namespace grove::text::jinja
