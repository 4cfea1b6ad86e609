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

/// The first position from `from` on where a number or arithmetic may begin (with what stands before it), or the
/// text's size.
std::size_t next_number(std::string_view text, std::size_t from);

/// Recognises numbers and arithmetic at positions of a text. Remembers the run of digits, operators and white space
/// that it looked at last, so that a walk over the text takes linear time.
class PlainScanner {
 public:
  explicit PlainScanner(std::string_view text) : text_(text), skip_space_(text) {}

  /// Arithmetic that begins at `at` with white space, an equals sign or the text's beginning: Math-Verify's
  /// expression pattern.
  std::optional<PlainMatch> arithmetic(std::size_t at, After after);
  /// A number that begins so.
  std::optional<PlainMatch> number(std::size_t at, After after);
  /// The one or the other.
  std::optional<PlainMatch> any(std::size_t at, After after) {
    auto match = arithmetic(at, after);
    return match ? match : number(at, after);
  }

 private:
  /// The longest run of digits, points, operators and white space from a digit on.
  struct Run {
    std::size_t begin = 0;
    std::size_t end = 0;
    After after = After::Anything;
    std::size_t last = 0;      ///< where arithmetic may end last; 0: nowhere
    std::size_t last_end = 0;  ///< behind what follows it there
    std::size_t asked = 0;     ///< operators were looked for from here on
    std::size_t behind = 0;    ///< behind the first of them
  };
  void scan(std::size_t begin, After after);
  std::size_t behind_operator(std::size_t from);

  [[nodiscard]] bool allowed(std::size_t at, After after);
  bool finish_number(PlainMatch& match, After after);

  std::string_view text_;
  SpaceSkipper skip_space_;
  Run run_{};
  std::size_t scanned_ = 0;  ///< characters of all runs
};

}  // namespace grove::math::detail
