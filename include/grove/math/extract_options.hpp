// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace grove::math {

/// Which boxes of a match are kept: the last one with its close neighbours, all of them, or the match as it stands.
enum class BoxMode : std::uint8_t { None, Last, All };

/// What is done to a piece of LaTeX before it is parsed (Math-Verify's NormalizationConfig).
struct Normalization {
  bool basic = true;                ///< wrappers, delimiters, spacing, separators, percent words
  bool units = true;                ///< trailing units
  bool malformed_operators = true;  ///< `\frac12`, `\sqrt3`, `^(..)`
  bool nits = true;                 ///< `.5`, `0.5`
  bool equations = false;           ///< of a = b = c keep c
  BoxMode boxed = BoxMode::All;
};

/// LaTeX in environments: `$..$`, `$$..$$`, `\[..\]`, `\(..\)`, ` [..] `, `\boxed{..}` and a bare `\frac{1}{2}`.
struct LatexTarget {
  bool unanchored = true;  ///< also without "answer" in front
  int box_priority =
      50;  ///< lower comes first; 0: with "final answer is .. I hope"; negative: boxes are not looked for
  Normalization normalization;
};

/// Plain numbers and arithmetic outside LaTeX.
struct ExpressionTarget {
  bool unanchored = true;
};

/// One of a few strings, such as the letters of a multiple choice.
struct ChoiceTarget {
  std::vector<std::string> strings = {"A", "B", "C", "D"};
  bool unanchored = true;
  bool lowercase = true;
};

}  // namespace grove::math
