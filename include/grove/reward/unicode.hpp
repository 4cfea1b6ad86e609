// SPDX-License-Identifier: Apache-2.0
// The little that rewards need of Unicode: code points of UTF-8, white space and letters of scripts.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace grove {

/// Code points of a UTF-8 text, as Python's len; a byte that is no valid start counts as part of the one before it.
constexpr std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// Takes the first code point off a text that is not empty. Where the bytes are no UTF-8: one byte, as U+FFFD.
constexpr char32_t next_code_point(std::string_view& text) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const first = byte(0);
  std::size_t const length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  char32_t point = length == 1 ? first : first & (0x7FU >> length);
  bool valid = length > 0 && length <= text.size();
  for (std::size_t i = 1; valid && i < length; ++i) {
    valid = (byte(i) & 0xC0U) == 0x80U;
    point = point << 6U | (byte(i) & 0x3FU);
  }
  text.remove_prefix(valid ? length : 1);
  return valid ? point : U'\uFFFD';
}

/// White space where Python's str.split() parts words.
constexpr bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Families of letters; Other are letters of a script that is not told apart here, None is no letter.
enum class Script : std::uint8_t {
  None,
  Latin,
  Greek,
  Cyrillic,
  Hebrew,
  Arabic,
  Devanagari,
  Thai,
  Hangul,
  Kana,
  Han,
  Other
};

namespace detail {

struct LetterRange {
  char32_t first = 0, last = 0;
  Script script = Script::None;
};

/// Ascending. Blocks, not single letters: the few signs inside them count as letters of their script.
inline constexpr std::array letter_ranges = {
    LetterRange{0x41, 0x5A, Script::Latin},        LetterRange{0x61, 0x7A, Script::Latin},
    LetterRange{0xAA, 0xAA, Script::Latin},        LetterRange{0xBA, 0xBA, Script::Latin},
    LetterRange{0xC0, 0xD6, Script::Latin},        LetterRange{0xD8, 0xF6, Script::Latin},
    LetterRange{0xF8, 0x2AF, Script::Latin},       LetterRange{0x370, 0x373, Script::Greek},
    LetterRange{0x376, 0x377, Script::Greek},      LetterRange{0x37B, 0x37D, Script::Greek},
    LetterRange{0x37F, 0x37F, Script::Greek},      LetterRange{0x386, 0x386, Script::Greek},
    LetterRange{0x388, 0x3FF, Script::Greek},      LetterRange{0x400, 0x481, Script::Cyrillic},
    LetterRange{0x48A, 0x52F, Script::Cyrillic},   LetterRange{0x531, 0x587, Script::Other},
    LetterRange{0x5D0, 0x5F2, Script::Hebrew},     LetterRange{0x620, 0x65F, Script::Arabic},
    LetterRange{0x66E, 0x6D3, Script::Arabic},     LetterRange{0x6D5, 0x6EF, Script::Arabic},
    LetterRange{0x6FA, 0x6FF, Script::Arabic},     LetterRange{0x700, 0x8FF, Script::Other},
    LetterRange{0x900, 0x963, Script::Devanagari}, LetterRange{0x971, 0x97F, Script::Devanagari},
    LetterRange{0x980, 0xDFF, Script::Other},      LetterRange{0xE01, 0xE3A, Script::Thai},
    LetterRange{0xE40, 0xE4E, Script::Thai},       LetterRange{0xE80, 0x10FF, Script::Other},
    LetterRange{0x1100, 0x11FF, Script::Hangul},   LetterRange{0x1200, 0x167F, Script::Other},
    LetterRange{0x1C80, 0x1C88, Script::Cyrillic}, LetterRange{0x1E00, 0x1EFF, Script::Latin},
    LetterRange{0x1F00, 0x1FBC, Script::Greek},    LetterRange{0x1FC2, 0x1FCC, Script::Greek},
    LetterRange{0x3041, 0x3096, Script::Kana},     LetterRange{0x309D, 0x309F, Script::Kana},
    LetterRange{0x30A1, 0x30FA, Script::Kana},     LetterRange{0x30FC, 0x30FF, Script::Kana},
    LetterRange{0x3105, 0x312F, Script::Other},    LetterRange{0x3131, 0x318E, Script::Hangul},
    LetterRange{0x3400, 0x4DBF, Script::Han},      LetterRange{0x4E00, 0x9FFF, Script::Han},
    LetterRange{0xAC00, 0xD7A3, Script::Hangul},   LetterRange{0xF900, 0xFAFF, Script::Han},
    LetterRange{0xFF21, 0xFF3A, Script::Latin},    LetterRange{0xFF41, 0xFF5A, Script::Latin},
    LetterRange{0xFF66, 0xFF9D, Script::Kana},     LetterRange{0x20000, 0x323AF, Script::Han}};

}  // namespace detail

/// The script of a letter; None for digits, signs and punctuation.
constexpr Script script_of(char32_t c) {
  auto const at = std::ranges::upper_bound(detail::letter_ranges, c, {}, &detail::LetterRange::first);
  if (at == detail::letter_ranges.begin()) return Script::None;
  auto const& range = *(at - 1);
  return c <= range.last ? range.script : Script::None;
}

}  // namespace grove
