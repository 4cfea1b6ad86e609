# SPDX-License-Identifier: Apache-2.0
"""Writes include/grove/text/jinja/case_table.hpp: the characters whose upper or title case has several characters.

    python tests/oracle/jinja_case_table.py > include/grove/text/jinja/case_table.hpp
"""
import sys


def escaped(text):
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


print("""// SPDX-License-Identifier: Apache-2.0
// Written by tests/oracle/jinja_case_table.py.
#pragma once

#include <string_view>

namespace grove::text::jinja::detail {

struct SpecialCase {
  char32_t character;
  std::string_view upper;
  std::string_view title;
};

/// Characters whose upper or title case is longer than one character, in order (Unicode's SpecialCasing).
inline constexpr SpecialCase special_cases[] = {""")
for code in range(sys.maxunicode + 1):
    if 0xD800 <= code < 0xE000:
        continue
    character = chr(code)
    if len(character.upper()) > 1 or len(character.title()) > 1:
        print(f'    {{0x{code:04x}, "{escaped(character.upper())}", "{escaped(character.title())}"}},')
print("""};

}  // namespace grove::text::jinja::detail""")
