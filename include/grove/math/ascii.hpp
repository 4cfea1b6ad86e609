// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace grove::math::detail {

// Locale-free character classes; bytes of multi-byte characters belong to none of them.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_'; }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f'); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

inline std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

/// The same for questions that come back to one long run of white space: it is walked once.
class SpaceSkipper {
 public:
  explicit SpaceSkipper(std::string_view text) : text_(text) {}

  std::size_t operator()(std::size_t at) {
    if (at < begin_ || at >= end_) {
      begin_ = at;
      end_ = skip_space(text_, at);
    }
    return end_;
  }

 private:
  std::string_view text_;
  std::size_t begin_ = 1;
  std::size_t end_ = 0;
};

/// The position after the character at `at`, whatever its bytes.
inline std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && is_continuation(text[at])) ++at;
  return at;
}

inline std::string_view trim(std::string_view text) {
  std::size_t begin = skip_space(text, 0);
  std::size_t end = text.size();
  while (end > begin && is_space(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

inline bool starts_with(std::string_view text, std::size_t at, std::string_view what) {
  return at <= text.size() && text.substr(at, what.size()) == what;
}

/// The same without regard to case; `what` is in lower case.
inline bool starts_with_any_case(std::string_view text, std::size_t at, std::string_view what) {
  if (at > text.size() || text.size() - at < what.size()) return false;
  for (std::size_t i = 0; i < what.size(); ++i) {
    if (lower(text[at + i]) != what[i]) return false;
  }
  return true;
}

}  // namespace grove::math::detail
