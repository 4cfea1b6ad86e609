// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "grove/math/expression.hpp"
#include "grove/math/scanner.hpp"

namespace grove::math {

/// What a text means: an expression, or why there is none.
struct Parsed {
  Expr value{};
  std::string_view problem{};  ///< a literal; empty where there is a value
  std::int64_t work = 0;       ///< steps that were taken, in units of fuel
};

/// Reads a normalised piece of LaTeX or plain mathematics. Never throws; work and depth are bounded: a text beyond the
/// bounds is a problem, not an expression. Keeps its buffers between calls.
class Parser {
 public:
  /// Longer texts are refused.
  static constexpr std::size_t most_bytes = 8192;

  /// As Math-Verify reads it; where the whole cannot be read, the last part of a = b = c is tried.
  Parsed compatible(Arena& arena, std::string_view text);
  /// In the strict dialect. The text is LaTeX as written, its box opened.
  Parsed strict(Arena& arena, std::string_view text);
  /// As much of the beginning as can be read, without mixed numbers: how LaTeX parsers without an end mark read.
  Parsed leading(Arena& arena, std::string_view text);

 private:
  Parsed run(Arena& arena, std::string_view text, Dialect dialect);

  detail::Scanner scanner_;
  std::string presented_;
  std::string strict_text_;
};

/// The exact value of decimal digits with at most one point ("12", "0.50", ".5"), as a Number or a Decimal.
Expr parse_numeral(Arena& arena, std::string_view digits);

}  // namespace grove::math
