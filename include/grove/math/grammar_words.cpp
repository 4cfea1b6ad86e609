// SPDX-License-Identifier: Apache-2.0
// Words of the strict dialect: between conditions, behind values and in their place.
#include <algorithm>

#include "grove/math/ascii.hpp"
#include "grove/math/connective.hpp"
#include "grove/math/grammar.hpp"
#include "grove/math/number_words.hpp"
#include "grove/math/words.hpp"

namespace grove::math::detail {
namespace {

/// What one letter in a text behind a number may measure in. 5k, 5M and 5B are thousands, millions and billions.
constexpr std::string_view unit_letters = "mshgldctLNJWVKAFTC";

/// The first letter of a text, as it is written.
char first_letter(std::string_view text) {
  auto const* const found = std::find_if(text.begin(), text.end(), is_letter);
  return found == text.end() ? ' ' : *found;
}

}  // namespace

/// Conditions joined by words as And and Or, where "and" binds closer and a comma means the next word. Nothing where no
/// word joins them, or all are equations joined by "and", which are a list.
Expr Grammar::strict_conditions(Exprs const& items, std::vector<std::uint8_t> joined) {
  auto const word = [](std::uint8_t c) { return c != static_cast<std::uint8_t>(Connective::None); };
  if (items.size() < 2 || std::none_of(joined.begin(), joined.end(), word)) return {};
  auto const condition = [&](Expr e) {
    return arena_.is(e, Kind::And) || (arena_.is(e, Kind::Relation) && arena_.relation_of(e) != RelationType::Equal);
  };
  auto const related = [&](Expr e) { return condition(e) || arena_.is(e, Kind::Relation); };
  if (!std::all_of(items.begin(), items.end(), related)) return {};
  joined.resize(items.size() - 1);
  constexpr auto either = static_cast<std::uint8_t>(Connective::Or);
  if (std::none_of(items.begin(), items.end(), condition)) {
    auto const alternatives = std::count(joined.begin(), joined.end(), either) + 1;
    if (alternatives == 1) return {};
    // x = 1, y = 2 or x = 3, y = 4: what stands between "or" belongs together.
    auto const width = items.size() / static_cast<std::size_t>(alternatives);
    bool pairs = width > 1 && width * static_cast<std::size_t>(alternatives) == items.size();
    for (std::size_t i = 0; pairs && i < joined.size(); ++i) pairs = (joined[i] == either) == ((i + 1) % width == 0);
    if (pairs) {
      for (std::uint8_t& word_behind : joined)
        if (word_behind != either) word_behind = static_cast<std::uint8_t>(Connective::And);
    }
  }
  for (std::size_t i = joined.size(); i-- > 1;)
    if (!word(joined[i - 1])) joined[i - 1] = joined[i];
  for (std::size_t i = 1; i < joined.size(); ++i)
    if (!word(joined[i])) joined[i] = joined[i - 1];
  Exprs alternatives;
  Exprs both{items[0]};
  auto close = [&] { alternatives.push_back(both.size() == 1 ? both[0] : arena_.node(Kind::And, both)); };
  for (std::size_t i = 1; i < items.size(); ++i) {
    if (joined[i - 1] == either) {
      close();
      both.clear();
    }
    both.push_back(items[i]);
  }
  close();
  return alternatives.size() == 1 ? alternatives[0] : arena_.node(Kind::Or, alternatives, 0, 1);
}

/// Takes the words that change a value off the beginning of those behind it: million, percent, degrees.
std::string_view Grammar::strict_quantity(std::string_view words, Expr& value) {
  for (int count = 0; count < 4; ++count) {
    std::size_t const end = std::min(words.find(' '), words.size());
    std::int64_t const factor = magnitude(words.substr(0, end));
    if (factor == 0) break;
    value = arena_.is(value, Kind::Number) ? arena_.number(arena_.value(value) * Rational(factor))
                                           : arena_.multiply(value, arena_.number(factor));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  if (is_percent_word(words) || words == "per cent" || words == "%") {
    value = arena_.node(Kind::Percent, {value});
    return {};
  }
  if (words == "degrees" || words == "degree" || words == "deg") {
    value = arena_.node(Kind::Degrees, {value});
    return {};
  }
  return words;
}

/// Takes the part off the words behind a whole number: "and a half".
std::string_view Grammar::strict_part(std::string_view words, Expr& value) {
  if (!words.starts_with("and ")) return words;
  auto const part = number_of_words(std::string("one ").append(words));
  if (!part) return words;
  Rational const more = *part - Rational(1);
  if (more.sign() <= 0 || more >= Rational(1)) return words;
  Rational const& whole = arena_.value(value);
  value = arena_.number(whole.sign() < 0 ? whole - more : whole + more);
  return {};
}

/// A unit behind a complete value: words, products, quotients and powers of them.
Expr Grammar::strict_units(Expr value) {
  std::string unit;
  for (std::size_t count = 0; count < 16; ++count) {
    Token const& here = token();
    bool const bare = here.kind == TokenKind::Unit || (here.kind == TokenKind::Word && is_letter(here.text[0]) &&
                                                       (is_unit(here.text) || magnitude(here.text) != 0));
    if (bare || (is_text(here) && connective(here) == Connective::None)) {
      std::string const all = text_words(here.text);
      std::string_view words = all;
      if (unit.empty()) words = strict_quantity(words, value);
      if (unit.empty() && is_integer(value)) words = strict_part(words, value);
      bool const letter = words.size() == 1 && is_letter(words[0]);
      if (letter && unit_letters.find(first_letter(here.text)) == std::string_view::npos) break;
      bool const sign =
          std::any_of(words.begin(), words.end(), [](char c) { return c == '?' || c == '!' || c == '%'; });
      if (sign || says_more(words)) return fail("words that say more than a unit");
      if (!unit.empty() && !words.empty() && is_letter(unit.back())) unit += ' ';
      unit += words;
      advance();
    } else if (!unit.empty() && (here.kind == TokenKind::Divide || here.kind == TokenKind::Times) &&
               (kind(1) == TokenKind::Unit || is_text(token(1)) ||
                (kind(1) == TokenKind::Letter && unit_letters.find(token(1).text[0]) != std::string_view::npos))) {
      unit += here.kind == TokenKind::Divide ? "/" : " ";
      advance();
      if (is(TokenKind::Letter)) {
        unit += token().text;
        advance();
      }
    } else if (!unit.empty() && here.kind == TokenKind::Caret) {
      std::size_t const from = at_++;
      if (accept(TokenKind::LeftBrace)) {
        while (!is(TokenKind::RightBrace) && !is(TokenKind::End)) advance();
      }
      advance();
      unit += source(from, at_);
    } else {
      break;
    }
  }
  return unit.empty() ? value : arena_.named(Kind::Unit, unit, std::span(&value, 1));
}

/// Words where a value is expected: a choice, a word, or a symbol with a mark.
Expr Grammar::strict_text_atom() {
  Token const& here = token();
  auto const wrapper = static_cast<Wrapper>(here.detail);
  if (wrapper != Wrapper::Text && wrapper != Wrapper::Math) return atom_expression(false);
  if (kind(1) == TokenKind::Underscore) return atom_expression(false);
  std::string const words = text_words(here.text);
  if (words.empty()) return fail("an empty text");
  if (words.size() == 1 && is_letter(words[0])) {
    advance();
    std::string letter(trim(here.text));
    letter.erase(std::remove_if(letter.begin(), letter.end(), [](char c) { return !is_letter(c); }), letter.end());
    return wrapper == Wrapper::Text ? arena_.choice(std::string(1, static_cast<char>(words[0] - 32)))
                                    : arena_.symbol(letter);
  }
  advance();
  std::string all = words;
  while (is_text(token()) && connective(token()) == Connective::None) {
    all += ' ' + text_words(token().text);
    advance();
  }
  return arena_.text(all);
}

}  // namespace grove::math::detail
