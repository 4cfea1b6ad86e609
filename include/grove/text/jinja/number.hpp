// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grove::text::jinja {

/// repr() of a Python float: the shortest digits that read back as the same number.
std::string real_to_string(double value);

/// int(text, base) of Python, which allows spaces around, a sign, underscores and the prefix of the base (base 0: any).
/// None if the text is no integer or has more than 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text, int base = 10);

/// float(text) of Python.
std::optional<double> parse_real(std::string_view text);

/// round(value, digits): to the nearest, ties of the exact binary value to even.
double round_real(double value, int digits);

}  // namespace grove::text::jinja
