// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace grove::math {

/// What a node is. Children in the order given in brackets; "detail" and "extra" are the node's two small fields.
enum class Kind : std::uint8_t {
  None,  ///< no expression: a limit was reached, or there was nothing

  Number,    ///< exact rational
  Decimal,   ///< number written with a decimal point or an exponent; exact value as written, extra: digits after the
             ///< point
  Constant,  ///< detail: Constant
  Symbol,    ///< name
  Text,      ///< words; name
  Choice,    ///< letter of a multiple choice answer; name

  Add,       ///< [terms...]
  Multiply,  ///< [factors...]; a / b is a * b^-1
  Power,     ///< [base, exponent]
  Function,  ///< [arguments...], detail: Function
  Apply,     ///< [arguments...], name: an undefined function f(x)

  Sum,         ///< [body, variable, from, to]
  Product,     ///< [body, variable, from, to]
  Integral,    ///< [body, variable] or [body, variable, from, to]
  Derivative,  ///< [body, variable], extra: order
  Limit,       ///< [body, variable, point], extra: -1 from below, 0 both sides, 1 from above

  Percent,    ///< [value]: value / 100, written with a percent sign
  Degrees,    ///< [value]: written with a degree sign
  Unit,       ///< [value], name: written with a unit
  Based,      ///< [value], extra: base; a numeral with its base written, value already converted
  Ratio,      ///< [a, b, ...]: a : b
  PlusMinus,  ///< [a, b]: a +- b; b alone: +-b
  MinusPlus,  ///< as PlusMinus with the signs in the other order

  Tuple,         ///< [elements...], detail: Bracket; (a, b) of two elements may also be an open interval
  List,          ///< [elements...]: a, b, c without brackets; detail: Bracket::None, or Semicolon where written a; b
  Set,           ///< [elements...]: {a, b, c}
  Interval,      ///< [from, to], detail: bits of IntervalEnds
  Union,         ///< [sets...]
  Intersection,  ///< [sets...]
  Difference,    ///< [a, b]: a without b
  SetBuilder,    ///< [variable or expression, condition]

  Relation,  ///< [left, right], detail: RelationType
  And,       ///< [relations...]; extra: 1 if written as a chain a < b < c
  Or,        ///< [alternatives...]
  Not,       ///< [relation]
  Matrix,    ///< [entries by rows...], extra: number of rows
  Cases,     ///< [value, condition, value, condition, ...]: piecewise; a missing condition is Kind::None
};

enum class Constant : std::uint8_t {
  Pi,
  E,
  I,          ///< imaginary unit
  Infinity,   ///< its negative is a product with -1
  Undefined,  ///< 0/0 and the like
  EmptySet,
  Naturals,
  Integers,
  Rationals,
  Reals,
  Complexes,
  True,
  False,
};

enum class Function : std::uint8_t {
  // One argument.
  Sin,
  Cos,
  Tan,
  Cot,
  Sec,
  Csc,  // clang-format off: one family a line
  Arcsin,
  Arccos,
  Arctan,
  Arccot,
  Arcsec,
  Arccsc,
  Sinh,
  Cosh,
  Tanh,
  Coth,
  Sech,
  Csch,
  Arsinh,
  Arcosh,
  Artanh,
  Arcoth,
  Arsech,
  Arcsch,
  Exp,
  Ln,
  Abs,
  Floor,
  Ceiling,
  Sign,
  Factorial,
  DoubleFactorial,
  Subfactorial,
  Gamma,
  Real,
  Imaginary,
  Argument,
  Conjugate,
  Determinant,
  Transpose,
  Trace,
  Norm,
  Complement,
  // Two.
  Log,           ///< (x, base)
  Root,          ///< (x, degree): the real root where there is one
  Binomial,      ///< (n, k)
  Permutations,  ///< (n, k): n! / (n - k)!
  Modulo,        ///< (a, b): remainder of a by b
  // Any number.
  Gcd,
  Lcm,
  Max,
  Min,
};  // clang-format on

enum class RelationType : std::uint8_t {
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Approximately,
  Equivalent,  ///< three bars, also congruent
  In,
  NotIn,
  Subset,
  SubsetEqual,
  Superset,
  SupersetEqual,
  Similar,
  Parallel,
  Perpendicular,
  Divides,
  Maps,  ///< x -> y
};

enum class Bracket : std::uint8_t { None, Round, Square, Angle, Semicolon };

/// Bits of an interval's detail.
struct IntervalEnds {
  static constexpr std::uint8_t closed = 0;
  static constexpr std::uint8_t left_open = 1;
  static constexpr std::uint8_t right_open = 2;
  static constexpr std::uint8_t open = 3;
};

}  // namespace grove::math
