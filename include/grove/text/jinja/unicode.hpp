// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Code points of UTF-8 text with Python's ideas of white space, letters and case. A byte that is not part of a valid
/// sequence counts as one character (0xDC00 + byte, as Python's surrogateescape has it) and is kept as it is.
namespace grove::text::jinja {

bool is_ascii(std::string_view text);

/// Bytes of the character that starts at `at`.
std::size_t character_size(std::string_view text, std::size_t at);

/// The character at `at`, which moves behind it.
char32_t next_character(std::string_view text, std::size_t& at);

void append_character(std::string& text, char32_t character);

/// Number of characters.
std::size_t character_count(std::string_view text);

/// Byte offset of the character with that index (the size of the text if there are fewer).
std::size_t byte_offset(std::string_view text, std::size_t index);

bool is_space(char32_t c);
bool is_line_break(char32_t c);
bool is_printable(char32_t c);
bool is_letter(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_number(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_title(char32_t c);

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
std::string to_title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);
std::string case_fold(std::string_view text);

std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);

}  // namespace grove::text::jinja
