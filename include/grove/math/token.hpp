// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace grove::math::detail {

enum class TokenKind : std::uint8_t {
  End,
  Unknown,  ///< text that is no mathematics: an unknown command, a stray character

  Number,      ///< 12, 1.5, .5
  Percent,     ///< number and percent sign in one
  Scientific,  ///< 1.5E3
  Letter,      ///< one letter; "e" and "E" have kinds of their own
  LetterE,
  CapitalE,
  Differential,  ///< d and a letter; text: the letter
  Named,         ///< a Greek letter or another symbol; text: its name
  Wrapped,       ///< `\text{..}`, `\bar{..}`; text: what is inside, detail: Wrapper
  Constant,      ///< detail: Constant (pi, infinity, sets of numbers, the empty set)
  Partial,
  Word,  ///< a function's bare name (Compatible), or words outside `\text` (Strict)
  Unit,  ///< text: the unit's name

  Plus,
  Minus,
  Times,
  Divide,
  Colon,
  Modulo,
  PlusMinus,
  MinusPlus,
  Bang,
  Caret,
  Underscore,
  Prime,
  Degree,  ///< with its caret
  Transpose,
  PercentSign,

  LeftRound,
  RightRound,
  LeftSquare,
  RightSquare,
  LeftBrace,
  RightBrace,
  LeftSet,  ///< `\{`
  RightSet,
  LeftAngle,
  RightAngle,
  Bar,
  LeftBar,
  RightBar,
  DoubleBar,
  LeftFloor,
  RightFloor,
  LeftCeiling,
  RightCeiling,

  Function,      ///< detail: Function, of one argument; Ln and Log too
  ManyFunction,  ///< gcd, lcm, max, min
  Root,
  Fraction,
  Binomial,
  Choose,
  OperatorName,
  Sum,
  Product,
  Integral,
  Limit,
  Arrow,
  Box,

  MatrixBegin,
  MatrixEnd,
  DeterminantBegin,
  DeterminantEnd,
  CasesBegin,
  CasesEnd,
  Ampersand,
  NewRow,

  Comma,
  Semicolon,
  Period,
  And,  ///< "and", "or" between answers
  Or,

  Relation,  ///< detail: RelationType; Equal for `==` and three bars too
  Assign,    ///< =
  Union,
  Intersection,
  SetMinus,
  Mid,  ///< `\mid`, "such that"
};

enum class Wrapper : std::uint8_t { Text, Bar, Vector, Tilde, Math, Other };

struct Token {
  TokenKind kind = TokenKind::End;
  std::uint8_t detail = 0;
  bool spaced = false;      ///< white space in front
  std::uint32_t begin = 0;  ///< in the text
  std::uint32_t end = 0;
  std::string_view text;
};

/// A command's token by its name without the backslash: the longest known beginning of `letters`. `length` 0: none.
struct Command {
  TokenKind kind = TokenKind::Unknown;
  std::uint8_t detail = 0;
  std::string_view name;  ///< of a Named token
  std::size_t length = 0;
};
Command find_command(std::string_view letters, bool whole);

}  // namespace grove::math::detail
