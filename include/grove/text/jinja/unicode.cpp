// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "grove/text/jinja/case_table.hpp"

namespace grove::text::jinja {
namespace {

struct CharacterRange {
  char32_t first;
  char32_t last;
};

template <std::size_t N>
bool within(char32_t c, CharacterRange const (&ranges)[N]) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](CharacterRange const& range) { return c >= range.first && c <= range.last; });
}

// Numeric_Type=Digit of UnicodeData.txt: digits that are not decimal, such as superscripts.
constexpr CharacterRange other_digits[] = {
    {0xb2, 0xb3},     {0xb9, 0xb9},       {0x1369, 0x1371},   {0x19da, 0x19da},   {0x2070, 0x2070},
    {0x2074, 0x2079}, {0x2080, 0x2089},   {0x2460, 0x2468},   {0x2474, 0x247c},   {0x2488, 0x2490},
    {0x24ea, 0x24ea}, {0x24f5, 0x24fd},   {0x24ff, 0x24ff},   {0x2776, 0x277e},   {0x2780, 0x2788},
    {0x278a, 0x2792}, {0x10a40, 0x10a43}, {0x10e60, 0x10e68}, {0x11052, 0x1105a}, {0x1f100, 0x1f10a}};

// Other_Lowercase and Other_Uppercase of PropList.txt.
constexpr CharacterRange other_lower[] = {
    {0xaa, 0xaa},     {0xba, 0xba},     {0x2b0, 0x2b8},     {0x2c0, 0x2c1},     {0x2e0, 0x2e4},     {0x345, 0x345},
    {0x37a, 0x37a},   {0x1d2c, 0x1d6a}, {0x1d78, 0x1d78},   {0x1d9b, 0x1dbf},   {0x2071, 0x2071},   {0x207f, 0x207f},
    {0x2090, 0x209c}, {0x2170, 0x217f}, {0x24d0, 0x24e9},   {0x2c7c, 0x2c7d},   {0xa69c, 0xa69d},   {0xa770, 0xa770},
    {0xa7f8, 0xa7f9}, {0xab5c, 0xab5f}, {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba}};
constexpr CharacterRange other_upper[] = {
    {0x2160, 0x216f}, {0x24b6, 0x24cf}, {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}};

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

bool is_stray_byte(char32_t c) { return c >= 0xdc80 && c <= 0xdcff; }

detail::SpecialCase const* special_case(char32_t c) {
  auto const* found = std::lower_bound(
      std::begin(detail::special_cases), std::end(detail::special_cases), c,
      [](detail::SpecialCase const& entry, char32_t character) { return entry.character < character; });
  return found != std::end(detail::special_cases) && found->character == c ? found : nullptr;
}

void append_upper(std::string& result, char32_t c) {
  if (auto const* special = special_case(c)) {
    result += special->upper;
  } else {
    append_character(result, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& result, char32_t c) {
  if (auto const* special = special_case(c)) {
    result += special->title;
  } else {
    append_character(result, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
  }
}

bool is_cased(char32_t c) { return is_lower(c) || is_upper(c) || is_title(c); }

// Word_Break = MidLetter, MidNumLet or Single_Quote, and what has no width of its own.
bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xb7 || c == 0x387 || c == 0x55f || c == 0x5f4 || c == 0x2018 ||
             c == 0x2019 || c == 0x2024 || c == 0x2027 || c == 0xfe13 || c == 0xfe52 || c == 0xfe55 || c == 0xff07 ||
             c == 0xff0e || c == 0xff1a;
  }
}

// The character that ends at `end`, which moves before it.
char32_t previous_character(std::string_view text, std::size_t& end) {
  std::size_t start = end - 1;
  for (int back = 0; back < 3 && start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80; ++back) {
    --start;
  }
  std::size_t next = start;
  char32_t const c = next_character(text, next);
  if (next == end) {
    end = start;
    return c;
  }
  --end;
  return 0xdc00 + static_cast<unsigned char>(text[end]);
}

// A capital sigma ends a word if a cased letter precedes it and none follows.
bool is_final_sigma(std::string_view text, std::size_t at) {
  bool cased_before = false;
  for (std::size_t before = at; before > 0;) {
    char32_t const c = previous_character(text, before);
    if (is_case_ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  for (std::size_t after = at + 2; cased_before && after < text.size();) {
    char32_t const c = next_character(text, after);
    if (!is_case_ignorable(c)) return !is_cased(c);
  }
  return cased_before;
}

void append_lower(std::string& result, std::string_view text, std::size_t at, char32_t c) {
  if (c == 0x130) {
    result += "i\xcc\x87";
  } else if (c == 0x3a3 && is_final_sigma(text, at)) {
    append_character(result, 0x3c2);
  } else {
    append_character(result, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

template <class Append>
std::string mapped(std::string_view text, Append append) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const start = at;
    append(result, start, next_character(text, at));
  }
  return result;
}

}  // namespace

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::size_t character_size(std::string_view text, std::size_t at) {
  if (static_cast<unsigned char>(text[at]) < 0x80) return 1;
  utf8proc_int32_t character = 0;
  auto const size = utf8proc_iterate(reinterpret_cast<utf8proc_uint8_t const*>(text.data()) + at,
                                     static_cast<utf8proc_ssize_t>(text.size() - at), &character);
  return size > 0 ? static_cast<std::size_t>(size) : 1;
}

char32_t next_character(std::string_view text, std::size_t& at) {
  auto const first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) {
    ++at;
    return first;
  }
  utf8proc_int32_t character = 0;
  auto const size = utf8proc_iterate(reinterpret_cast<utf8proc_uint8_t const*>(text.data()) + at,
                                     static_cast<utf8proc_ssize_t>(text.size() - at), &character);
  if (size <= 0) {
    ++at;
    return 0xdc00 + first;
  }
  at += static_cast<std::size_t>(size);
  return static_cast<char32_t>(character);
}

void append_character(std::string& text, char32_t character) {
  if (is_stray_byte(character)) {
    text.push_back(static_cast<char>(character - 0xdc00));
    return;
  }
  utf8proc_uint8_t buffer[4];
  auto const size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), buffer);
  text.append(reinterpret_cast<char const*>(buffer), static_cast<std::size_t>(size));
}

std::size_t character_count(std::string_view text) {
  if (is_ascii(text)) return text.size();
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += character_size(text, at)) ++count;
  return count;
}

std::size_t byte_offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += character_size(text, at);
  return at;
}

bool is_space(char32_t c) {
  return (c >= 0x9 && c <= 0xd) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_line_break(char32_t c) {
  return (c >= 0xa && c <= 0xd) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  if (is_stray_byte(c)) return false;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_letter(char32_t c) {
  auto const kind = category(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }
bool is_digit(char32_t c) { return is_decimal(c) || within(c, other_digits); }

bool is_number(char32_t c) {
  auto const kind = category(c);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

bool is_lower(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LL || within(c, other_lower); }
bool is_upper(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LU || within(c, other_upper); }
bool is_title(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LT; }

std::string to_lower(std::string_view text) {
  return mapped(text, [text](std::string& result, std::size_t at, char32_t c) { append_lower(result, text, at, c); });
}

std::string to_upper(std::string_view text) {
  return mapped(text, [](std::string& result, std::size_t, char32_t c) { append_upper(result, c); });
}

std::string to_title(std::string_view text) {
  bool previous_cased = false;
  return mapped(text, [&](std::string& result, std::size_t at, char32_t c) {
    if (previous_cased) {
      append_lower(result, text, at, c);
    } else {
      append_title(result, c);
    }
    previous_cased = is_cased(c);
  });
}

std::string capitalize(std::string_view text) {
  return mapped(text, [text](std::string& result, std::size_t at, char32_t c) {
    if (at == 0) {
      append_title(result, c);
    } else {
      append_lower(result, text, at, c);
    }
  });
}

std::string swap_case(std::string_view text) {
  return mapped(text, [text](std::string& result, std::size_t at, char32_t c) {
    if (is_upper(c)) {
      append_lower(result, text, at, c);
    } else if (is_lower(c)) {
      append_upper(result, c);
    } else {
      append_character(result, c);
    }
  });
}

std::string case_fold(std::string_view text) {
  return mapped(text, [](std::string& result, std::size_t, char32_t c) {
    utf8proc_int32_t folded[8];
    int boundary = 0;
    auto const size = is_stray_byte(c) ? 0
                                       : utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 8,
                                                                 UTF8PROC_CASEFOLD, &boundary);
    if (size <= 0) append_character(result, c);
    for (utf8proc_ssize_t i = 0; i < size; ++i) append_character(result, static_cast<char32_t>(folded[i]));
  });
}

std::string_view strip_left(std::string_view text) {
  std::size_t start = 0;
  while (start < text.size()) {
    std::size_t next = start;
    if (!is_space(next_character(text, next))) break;
    start = next;
  }
  return text.substr(start);
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    std::size_t end = text.size();
    if (!is_space(previous_character(text, end))) break;
    text = text.substr(0, end);
  }
  return text;
}

}  // namespace grove::text::jinja
