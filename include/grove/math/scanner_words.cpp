// SPDX-License-Identifier: Apache-2.0
#include "grove/math/ascii.hpp"
#include "grove/math/scanner.hpp"
#include "grove/math/words.hpp"

namespace grove::math::detail {
namespace {

/// Can a unit stand behind this token?
bool ends_value(TokenKind kind) {
  switch (kind) {
    case TokenKind::Number:
    case TokenKind::Scientific:
    case TokenKind::Constant:
    case TokenKind::RightRound:
    case TokenKind::RightBrace:
    case TokenKind::Bang:
    case TokenKind::Degree:
    case TokenKind::Unit:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool Scanner::strict_word() {
  std::string_view const word = letters();
  if (word.size() < 2) return false;
  if (auto const name = strict_name(word)) {
    push(name->kind, word.size(), name->detail, name->name);
    return true;
  }
  // "or" and "and" glued to nothing else; "sin" and "ln" glued to their argument: sinx.
  bool const behind_value = !tokens_.empty() && ends_value(tokens_.back().kind);
  if (is_percent_word(word)) {
    push(TokenKind::PercentSign, word.size());
    return true;
  }
  if (behind_value && is_unit(word)) {
    push(TokenKind::Unit, word.size());
    return true;
  }
  bool const vowels = last_vowel_ > at_;
  if ((word.size() >= 4 && vowels) || word == "yes" || word == "Yes" || word == "no" || word == "No" || word == "odd" ||
      word == "YES" || word == "NO" || word == "the" || word == "one" || word == "two" || word == "six" ||
      word == "ten" || word == "for" || word == "all" || word == "any" || word == "not") {
    push(TokenKind::Word, word.size());
    return true;
  }
  return false;
}

}  // namespace grove::math::detail
