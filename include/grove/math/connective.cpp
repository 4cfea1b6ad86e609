// SPDX-License-Identifier: Apache-2.0
#include "grove/math/connective.hpp"

#include "grove/math/ascii.hpp"

namespace grove::math::detail {

bool is_text(Token const& token) {
  return token.kind == TokenKind::Wrapped && (token.detail == static_cast<std::uint8_t>(Wrapper::Text) ||
                                              token.detail == static_cast<std::uint8_t>(Wrapper::Math));
}

std::string text_words(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    bool const space = is_space(c) || c == '~' || c == '\\' || c == '{' || c == '}' || c == '$';
    if (c == '\\' && i + 1 < text.size() && is_letter(text[i + 1])) {
      // A wrapper's name is no word.
      std::size_t end = i + 1;
      while (end < text.size() && is_letter(text[end])) ++end;
      if (end < text.size() && text[end] == '{') i = end - 1;
    }
    if (!space) {
      out += lower(c);
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.' || out.back() == ',')) out.pop_back();
  if (out.size() > 2 && out.front() == '(' && out.find(')') == out.size() - 1) out = out.substr(1, out.size() - 2);
  return out;
}

Connective connective(Token const& token) {
  if (token.kind == TokenKind::And) return Connective::And;
  if (token.kind == TokenKind::Or) return Connective::Or;
  if (!is_text(token)) return Connective::None;
  std::string const words = text_words(token.text);
  if (words == "and" || words == ", and" || words == "and also") return Connective::And;
  if (words == "but" || words == ", but") return Connective::And;
  return words == "or" || words == ", or" || words == "or else" ? Connective::Or : Connective::None;
}

}  // namespace grove::math::detail
