// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/string_literal.hpp"

#include <charconv>
#include <cstdio>

#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

/// Python's encode("ascii", "backslashreplace").
std::string escaped_beyond_ascii(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const start = at;
    char32_t const c = next_character(text, at);
    if (c < 0x80) {
      result += text[start];
      continue;
    }
    char buffer[12];
    char const* const format = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
    std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c));
    result += buffer;
  }
  return result;
}

class Unescaper {
 public:
  Unescaper(Runtime& runtime, std::string_view text) : runtime_(runtime), text_(text) {}

  std::string run() {
    std::string result;
    while (at_ < text_.size()) {
      char const c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        escape(result);
      } else {
        result += c;
      }
    }
    return result;
  }

 private:
  void escape(std::string& result) {
    constexpr std::string_view letters = "\\'\"abfnrtv";
    constexpr std::string_view meanings = "\\'\"\a\b\f\n\r\t\v";
    char const c = text_[at_++];
    if (c == '\n') return;
    if (std::size_t const known = letters.find(c); known != letters.npos) {
      result += meanings[known];
    } else if (c >= '0' && c <= '7') {
      append_octal(result);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      append_hexadecimal(result, c == 'x' ? 2 : c == 'u' ? 4 : 8, c);
    } else if (c == 'N') {
      runtime_.fail("the escape \\N{...} is not supported");
    } else {
      result += '\\';
      result += c;
    }
  }

  void append_octal(std::string& result) {
    char32_t value = static_cast<char32_t>(text_[at_ - 1] - '0');
    for (int more = 0; more < 2 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++more) {
      value = value * 8 + static_cast<char32_t>(text_[at_++] - '0');
    }
    append_character(result, value);
  }

  void append_hexadecimal(std::string& result, std::size_t digits, char letter) {
    auto const part = text_.substr(at_, digits);
    std::uint32_t value = 0;
    auto const [end, failure] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
    if (part.size() != digits || failure != std::errc() || end != part.data() + part.size()) {
      runtime_.fail("truncated \\" + std::string(1, letter) + " escape in a text");
    }
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
      runtime_.fail("an escape in a text is no Unicode character: \\" + std::string(1, letter) + std::string(part));
    }
    append_character(result, value);
    at_ += digits;
  }

  Runtime& runtime_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string unescape(Runtime& runtime, std::string_view text) {
  if (text.find('\\') == text.npos) return std::string(text);
  if (is_ascii(text)) return Unescaper(runtime, text).run();
  std::string const ascii = escaped_beyond_ascii(text);
  return Unescaper(runtime, ascii).run();
}

}  // namespace grove::text::jinja
