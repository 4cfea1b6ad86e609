// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {

/// `format % values`, as Python's str has it.
Value formatted_percent(Runtime& runtime, Value const& format, Value const& values);

/// `format.format(...)`: fields by position or name, with attributes, indices, conversions and format specifications.
Value formatted_braces(Runtime& runtime, Value const& format, Arguments const& arguments);

/// format(value, specification).
std::string formatted(Runtime& runtime, Value const& value, std::string_view specification);

/// How a number or text is laid out: what `%` and format specifications have in common.
struct Layout {
  char32_t fill = ' ';
  char align = 0;   ///< '<', '>', '^', '=' (fill between sign and digits), or 0: the default of the type
  char sign = '-';  ///< '-', '+' or ' '
  bool alternate = false;
  std::size_t width = 0;
  char grouping = 0;  ///< ',' or '_'
  int precision = -1;
  char type = 0;
};

std::string laid_out(Runtime& runtime, std::string_view sign, std::string_view body, Layout const& layout,
                     char default_align);
std::string format_integer(Runtime& runtime, std::int64_t value, Layout const& layout);
std::string format_real(Runtime& runtime, double value, Layout const& layout);

}  // namespace grove::text::jinja
