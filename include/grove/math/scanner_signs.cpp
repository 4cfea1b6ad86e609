// SPDX-License-Identifier: Apache-2.0
// Signs of one and of several bytes.
#include <algorithm>
#include <array>

#include "grove/math/ascii.hpp"
#include "grove/math/kinds.hpp"
#include "grove/math/scanner.hpp"

namespace grove::math::detail {
namespace {

constexpr std::uint8_t d(auto value) { return static_cast<std::uint8_t>(value); }

struct Sign {
  std::string_view text;
  TokenKind kind;
  std::uint8_t detail = 0;
  std::string_view name = {};
};

// ASCII first, longest first; then characters of several bytes.
constexpr Sign signs[] = {
    {"!=", TokenKind::Relation, d(RelationType::NotEqual)},
    {"==", TokenKind::Relation, d(RelationType::Equal)},
    {"<=", TokenKind::Relation, d(RelationType::LessEqual)},
    {">=", TokenKind::Relation, d(RelationType::GreaterEqual)},
    {"~=", TokenKind::Relation, d(RelationType::Approximately)},
    {"+", TokenKind::Plus},
    {"-", TokenKind::Minus},
    {"*", TokenKind::Times},
    {"/", TokenKind::Divide},
    {"(", TokenKind::LeftRound},
    {")", TokenKind::RightRound},
    {"[", TokenKind::LeftSquare},
    {"]", TokenKind::RightSquare},
    {"{", TokenKind::LeftBrace},
    {"}", TokenKind::RightBrace},
    {"|", TokenKind::Bar},
    {"_", TokenKind::Underscore},
    {":", TokenKind::Colon},
    {";", TokenKind::Semicolon},
    {",", TokenKind::Comma},
    {".", TokenKind::Period},
    {"&", TokenKind::Ampersand},
    {"=", TokenKind::Assign},
    {"<", TokenKind::Relation, d(RelationType::Less)},
    {">", TokenKind::Relation, d(RelationType::Greater)},
    {"!", TokenKind::Bang},
    {"'", TokenKind::Transpose},
};

constexpr Sign wide_signs[] = {
    {"\u2212", TokenKind::Minus},
    {"\u2013", TokenKind::Minus},
    {"\u00d7", TokenKind::Times},
    {"\u22c5", TokenKind::Times},
    {"\u2217", TokenKind::Times},
    {"\u2219", TokenKind::Times},
    {"\u00b7", TokenKind::Times},
    {"\u00f7", TokenKind::Divide},
    {"\u2215", TokenKind::Divide},
    {"\u2264", TokenKind::Relation, d(RelationType::LessEqual)},
    {"\u2a7d", TokenKind::Relation, d(RelationType::LessEqual)},
    {"\u2265", TokenKind::Relation, d(RelationType::GreaterEqual)},
    {"\u2a7e", TokenKind::Relation, d(RelationType::GreaterEqual)},
    {"\u2260", TokenKind::Relation, d(RelationType::NotEqual)},
    {"\u2248", TokenKind::Relation, d(RelationType::Approximately)},
    {"\u2261", TokenKind::Assign},
    {"\u2208", TokenKind::Relation, d(RelationType::In)},
    {"\u2209", TokenKind::Relation, d(RelationType::NotIn)},
    {"\u2286", TokenKind::Relation, d(RelationType::SubsetEqual)},
    {"\u2287", TokenKind::Relation, d(RelationType::SupersetEqual)},
    {"\u222a", TokenKind::Union},
    {"\u2229", TokenKind::Intersection},
    {"\u2216", TokenKind::SetMinus},
    {"\u00b1", TokenKind::PlusMinus},
    {"\u2213", TokenKind::MinusPlus},
    {"\u2205", TokenKind::Constant, d(Constant::EmptySet)},
    {"\u2115", TokenKind::Constant, d(Constant::Naturals)},
    {"\u2124", TokenKind::Constant, d(Constant::Integers)},
    {"\u211a", TokenKind::Constant, d(Constant::Rationals)},
    {"\u211d", TokenKind::Constant, d(Constant::Reals)},
    {"\u2102", TokenKind::Constant, d(Constant::Complexes)},
    {"\u221e", TokenKind::Constant, d(Constant::Infinity)},
    {"\u03c0", TokenKind::Constant, d(Constant::Pi)},
    {"\u221a", TokenKind::Root},
    {"\u00b0", TokenKind::Degree},
    {"\u03b1", TokenKind::Named, 0, "alpha"},
    {"\u03b2", TokenKind::Named, 0, "beta"},
    {"\u03b3", TokenKind::Named, 0, "gamma"},
    {"\u03b4", TokenKind::Named, 0, "delta"},
    {"\u0394", TokenKind::Named, 0, "Delta"},
    {"\u03b5", TokenKind::Named, 0, "epsilon"},
    {"\u03b7", TokenKind::Named, 0, "eta"},
    {"\u03b8", TokenKind::Named, 0, "theta"},
    {"\u03bb", TokenKind::Named, 0, "lambda"},
    {"\u03bc", TokenKind::Named, 0, "mu"},
    {"\u03bd", TokenKind::Named, 0, "nu"},
    {"\u03be", TokenKind::Named, 0, "xi"},
    {"\u03c1", TokenKind::Named, 0, "rho"},
    {"\u03c3", TokenKind::Named, 0, "sigma"},
    {"\u03c4", TokenKind::Named, 0, "tau"},
    {"\u03c6", TokenKind::Named, 0, "phi"},
    {"\u03c7", TokenKind::Named, 0, "chi"},
    {"\u03c8", TokenKind::Named, 0, "psi"},
    {"\u03c9", TokenKind::Named, 0, "omega"},
    {"\u03a9", TokenKind::Named, 0, "Omega"},
};

}  // namespace

bool Scanner::symbol_character() {
  for (Sign const& sign : signs) {
    if (!starts_with(text_, at_, sign.text)) continue;
    bool const quote = sign.kind == TokenKind::Transpose && strict_;
    push(quote ? TokenKind::Prime : sign.kind, sign.text.size(), sign.detail);
    return true;
  }
  if (strict_ && text_[at_] == '%') {
    push(TokenKind::PercentSign, 1);
    return true;
  }
  return false;
}

bool Scanner::wide_character() {
  if (static_cast<unsigned char>(text_[at_]) < 0x80) return false;
  for (Sign const& sign : wide_signs) {
    if (!starts_with(text_, at_, sign.text)) continue;
    // Math-Verify's grammar does not know these.
    constexpr std::array<std::string_view, 6> unknown{"\u00b0", "\u221a", "\u221e", "\u2208", "\u00b7", "\u2013"};
    if (!strict_ && std::find(unknown.begin(), unknown.end(), sign.text) != unknown.end()) return false;
    push(sign.kind, sign.text.size(), sign.detail, sign.name);
    return true;
  }
  constexpr std::string_view no_break_space = "\u00a0";
  if (strict_ && starts_with(text_, at_, no_break_space)) {
    at_ += no_break_space.size();
    spaced_ = true;
    return true;
  }
  return false;
}

}  // namespace grove::math::detail
