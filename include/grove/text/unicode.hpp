// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// UTF-8 and normalisation, exactly as Hugging Face's `tokenizers` and Python do them.
namespace grove::text {

/// Length of the longest prefix that is well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
std::size_t valid_utf8_prefix(std::string_view text);

inline bool is_valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

/// Every maximal ill-formed part becomes one U+FFFD, as Python's `errors="replace"` and Rust's `from_utf8_lossy` do.
std::string replace_invalid_utf8(std::string_view text);

/// How many bytes at the end (0 to 3) begin a character whose rest is still to come.
std::size_t incomplete_utf8_tail(std::string_view text);

/// Appends the character's UTF-8 bytes; `code_point` is at most U+10FFFF and no surrogate.
void append_utf8(std::string& out, char32_t code_point);

/// Normalisation form C of well-formed UTF-8. Marks assigned after Unicode 9 stay where they are: they do in
/// `tokenizers`, whose tables decide here (Python's and ICU's reorder some hundred rare marks more).
std::string nfc(std::string_view text);

/// True when `nfc(text) == text` is known without computing it (always for ASCII and Latin-1).
bool is_surely_nfc(std::string_view text);

namespace detail {

/// Bits of a code point's classes.
enum CharClass : std::uint8_t {
  letter = 1,       ///< \p{L}
  number = 2,       ///< \p{N}
  space = 4,        ///< \s
  word = 8,         ///< \w
  nfc_active = 16,  ///< changes or is reordered under NFC, or may compose with what stands before it
  nfc_first = 32,   ///< may compose, or have its parts recomposed, with marks that follow
};

/// Classes of every code point: 0x110000 bytes, immutable, built on first use.
std::uint8_t const* char_classes();

struct CodePoint {
  char32_t value;
  std::uint32_t size;  ///< bytes of its UTF-8 form
};

/// The character that begins at `p`, which must point into well-formed UTF-8.
inline CodePoint decode_valid(char const* p) {
  auto byte = [p](int i) { return static_cast<char32_t>(static_cast<unsigned char>(p[i])); };
  char32_t const b0 = byte(0);
  if (b0 < 0x80) return {b0, 1};
  if (b0 < 0xE0) return {(b0 & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (b0 < 0xF0) return {(b0 & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(b0 & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

/// The character that ends before `p`; there must be one.
inline CodePoint decode_valid_before(char const* p) {
  std::uint32_t size = 1;
  while ((static_cast<unsigned char>(p[-static_cast<std::ptrdiff_t>(size)]) & 0xC0) == 0x80) ++size;
  return {decode_valid(p - size).value, size};
}

}  // namespace detail
}  // namespace grove::text
