// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "grove/math/ascii.hpp"

namespace grove::math::detail {

/// A plain number or piece of arithmetic in a text.
struct PlainMatch {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view arithmetic{};  ///< digits and operators; empty for a single number
  std::string_view integer{};     ///< with its sign and thousands separators
  std::string_view decimals{};    ///< with the point or comma in front
  bool percent = false;
};

/// What may follow a number: nothing of interest, or no equals sign (of `5 = x` only the other side is an answer).
enum class After : unsigned char { Anything, NoEquals };

/// A quick look: can a number or arithmetic begin at `at`?
inline bool may_precede_number(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  if (!is_space(text[at]) && text[at] != '=') return false;
  char const next = at + 1 < text.size() ? text[at + 1] : ' ';
  return is_digit(next) || next == '-' || next == '.' || next == '(' || next == '$' || next == '*' ||
         static_cast<unsigned char>(next) >= 0x80;
}

/// Arithmetic that begins at `at` with white space, an equals sign or the text's beginning: Math-Verify's
/// expression pattern.
std::optional<PlainMatch> match_arithmetic(std::string_view text, std::size_t at, After after);
/// A number that begins so.
std::optional<PlainMatch> match_number(std::string_view text, std::size_t at, After after);
/// The one or the other.
std::optional<PlainMatch> match_plain(std::string_view text, std::size_t at, After after);

}  // namespace grove::math::detail
