// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/math/ascii.hpp"
#include "grove/math/connective.hpp"
#include "grove/math/grammar.hpp"

namespace grove::math::detail {

/// The whole text: answers between commas, semicolons, "and", "or".
Expr Grammar::strict() {
  Expr const value = strict_list();
  if (value && is(TokenKind::End)) return value;
  std::string_view const problem = problem_.empty() ? "something is left over" : problem_;
  // Prose: only where there are words and nothing to compute.
  bool words = false;
  for (Token const& token : tokens_) {
    if (token.kind == TokenKind::Word && is_letter(token.text[0])) words = true;
    if (is_text(token) && connective(token) == Connective::None) words = true;
    if (token.kind == TokenKind::Number || token.kind == TokenKind::Fraction || token.kind == TokenKind::Root ||
        token.kind == TokenKind::Assign || token.kind == TokenKind::Relation) {
      words = false;
      break;
    }
  }
  if (words) {
    std::string const text = text_words(text_);
    if (!text.empty()) return arena_.text(text);
  }
  problem_ = problem;
  return {};
}

Expr Grammar::strict_list() {
  Exprs items;
  Exprs groups;                      // between semicolons
  std::vector<std::uint8_t> joined;  // what stands behind each item
  auto close_group = [&] {
    Expr const conditions = strict_conditions(items, joined);
    groups.push_back(conditions ? conditions : items.size() == 1 ? items[0] : arena_.tuple(items, Bracket::None));
    items.clear();
    joined.clear();
  };
  for (;;) {
    Expr const item = strict_item();
    if (!item) return {};
    items.push_back(item);
    bool comma = accept(TokenKind::Comma);
    Connective const by = connective(token());
    joined.push_back(static_cast<std::uint8_t>(by));
    if (by != Connective::None) {
      advance();
      comma = true;
    }
    if (!comma && accept(TokenKind::Semicolon)) {
      close_group();
      if (is(TokenKind::End)) break;
      continue;
    }
    if (accept(TokenKind::Period) && !is(TokenKind::End)) return fail("a period in the middle");
    if (!comma || is(TokenKind::End)) break;
  }
  if (!groups.empty()) {
    if (!items.empty()) close_group();
    if (groups.size() == 1) return groups[0];
    return arena_.node(Kind::List, groups, static_cast<std::uint8_t>(Bracket::Semicolon));
  }
  if (items.size() == 1) return items[0];
  if (Expr const conditions = strict_conditions(items, joined)) return conditions;
  // x = 1, 2
  bool const assignment = arena_.is(items[0], Kind::Relation) && arena_.relation_of(items[0]) == RelationType::Equal &&
                          arena_.is(arena_.child(items[0], 0), Kind::Symbol);
  auto const relation = [&](Expr e) { return arena_.is(e, Kind::Relation) || arena_.is(e, Kind::And); };
  if (assignment && std::none_of(items.begin() + 1, items.end(), relation)) {
    Expr const left = arena_.child(items[0], 0);
    items[0] = arena_.child(items[0], 1);
    return arena_.relation(RelationType::Equal, left, arena_.node(Kind::List, items));
  }
  return arena_.node(Kind::List, items, static_cast<std::uint8_t>(Bracket::None));
}

Expr Grammar::strict_item() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  return strict_relation();
}

Expr Grammar::strict_relation() {
  Expr left = strict_operand();
  std::size_t count = 0;
  while (left && (is(TokenKind::Relation) || is(TokenKind::Assign) || is(TokenKind::Arrow))) {
    auto const type = is(TokenKind::Assign)  ? RelationType::Equal
                      : is(TokenKind::Arrow) ? RelationType::Maps
                                             : static_cast<RelationType>(token().detail);
    advance();
    if (++count > 64) return fail("too long a chain");
    Expr const right = strict_operand();
    if (!right) return {};
    left = join(left, type, right);
  }
  return left;
}

Expr Grammar::strict_operand() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  auto primary = [&]() -> Expr {
    std::size_t const start = at_;
    bool const bracket = begins_bracket() || is(TokenKind::LeftAngle) || is(TokenKind::RightSquare);
    if (bracket) {
      Expr const value = strict_bracket();
      bool const ends = ends_element() || is(TokenKind::Relation) || is(TokenKind::Assign) || is(TokenKind::Union) ||
                        is(TokenKind::Intersection) || is(TokenKind::SetMinus) || is(TokenKind::Period) ||
                        is(TokenKind::Mid) || is(TokenKind::RightAngle) || is_text(token()) || is(TokenKind::And) ||
                        is(TokenKind::Or) || is(TokenKind::Ampersand) || is(TokenKind::NewRow) ||
                        is(TokenKind::LeftSquare) || (is(TokenKind::Bar) && bars_ > 0);
      if (value && ends) return value;
      back(start);
    }
    if (is(TokenKind::CasesBegin)) return strict_cases();
    return expression();
  };
  Expr left = primary();
  if (!left) return {};
  left = strict_units(left);
  while (left && (is(TokenKind::Union) || is(TokenKind::Intersection) || is(TokenKind::SetMinus))) {
    Kind const kind = is(TokenKind::Union)          ? Kind::Union
                      : is(TokenKind::Intersection) ? Kind::Intersection
                                                    : Kind::Difference;
    advance();
    Expr const right = primary();
    if (!right) return {};
    if (kind != Kind::Difference && arena_.is(left, kind)) {
      Exprs sets(arena_.children(left).begin(), arena_.children(left).end());
      sets.push_back(right);
      left = arena_.node(kind, sets);
    } else {
      left = arena_.node(kind, {left, right});
    }
  }
  if (left && is(TokenKind::Colon) && !is(TokenKind::End) && bars_ == 0) {
    Exprs parts{left};
    while (accept(TokenKind::Colon)) {
      Expr const part = expression();
      if (!part) return {};
      parts.push_back(part);
    }
    left = strict_units(arena_.node(Kind::Ratio, parts));
  }
  return left;
}

Expr Grammar::strict_bracket() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  if (is(TokenKind::Constant)) {
    Expr const set = arena_.constant(static_cast<Constant>(token().detail));
    advance();
    return set;
  }
  if (accept(TokenKind::Box) && !is(TokenKind::LeftBrace)) return fail("an empty box");
  TokenKind const open = kind();
  advance();
  bool const curly = open == TokenKind::LeftBrace || open == TokenKind::LeftSet;
  if (curly && (accept(TokenKind::RightBrace) || accept(TokenKind::RightSet))) {
    return arena_.constant(Constant::EmptySet);
  }
  int const bars = bars_;
  bars_ = open == TokenKind::LeftSet ? 1 : 0;
  Exprs items;
  bool semicolon = false;
  bool good = true;
  for (;;) {
    Expr const item = strict_item();
    good = static_cast<bool>(item);
    if (!good) break;
    items.push_back(item);
    if (accept(TokenKind::Semicolon)) {
      semicolon = true;
    } else if (connective(token()) != Connective::None) {
      advance();
    } else if (accept(TokenKind::Comma)) {
      if (connective(token()) != Connective::None) advance();
    } else {
      break;
    }
  }
  Expr condition;
  if (good && curly && items.size() == 1 && (is(TokenKind::Mid) || is(TokenKind::Bar) || is(TokenKind::Colon))) {
    advance();
    bars_ = 0;
    condition = strict_list();
    good = static_cast<bool>(condition);
  }
  bars_ = bars;
  if (!good) return {};
  TokenKind const close = kind();
  advance();
  if (condition) {
    if (close != TokenKind::RightSet && close != TokenKind::RightBrace) return fail("a set that is not closed");
    return arena_.node(Kind::SetBuilder, {items[0], condition});
  }
  if (curly) {
    if (close != TokenKind::RightSet && close != TokenKind::RightBrace) return fail("a set that is not closed");
    if (open == TokenKind::LeftBrace && items.size() == 1) return items[0];
    return arena_.node(Kind::Set, items);
  }
  if (open == TokenKind::LeftAngle) {
    if (close != TokenKind::RightAngle) return fail("a bracket that is not closed");
    return arena_.tuple(items, Bracket::Angle);
  }
  // ]a, b[ has its ends outside.
  bool const left_open = open != TokenKind::LeftSquare;
  bool const right_open = close != TokenKind::RightSquare;
  bool const french = open == TokenKind::RightSquare || close == TokenKind::LeftSquare;
  if (close != TokenKind::RightRound && close != TokenKind::RightSquare && close != TokenKind::LeftSquare) {
    return fail("a bracket that is not closed");
  }
  if (items.size() == 1) return french || left_open != right_open ? fail("brackets of two kinds") : items[0];
  bool const mixed = left_open != right_open || french;
  if (items.size() == 2 && (mixed || !left_open)) {
    (void)semicolon;
    return arena_.interval(items[0], items[1],
                           static_cast<std::uint8_t>((left_open ? IntervalEnds::left_open : 0) |
                                                     (right_open ? IntervalEnds::right_open : 0)));
  }
  if (mixed) return fail("brackets of two kinds");
  return arena_.tuple(items, left_open ? Bracket::Round : Bracket::Square);
}

Expr Grammar::strict_plus_minus() {
  if (is(TokenKind::PlusMinus) || is(TokenKind::MinusPlus)) {
    Kind const kind = is(TokenKind::PlusMinus) ? Kind::PlusMinus : Kind::MinusPlus;
    advance();
    Expr const value = product(false);
    return value ? arena_.node(kind, {value}) : Expr{};
  }
  return product(false);
}

Expr Grammar::strict_cases() {
  advance();
  Exprs parts;
  while (!accept(TokenKind::CasesEnd)) {
    if (is(TokenKind::End)) return fail("cases that are not closed");
    Expr const value = strict_item();
    if (!value) return {};
    Expr condition;
    accept(TokenKind::Comma);
    if (accept(TokenKind::Ampersand)) {
      while (is_text(token()) || is(TokenKind::Word)) advance();
      bool const empty = is(TokenKind::NewRow) || is(TokenKind::CasesEnd);
      condition = empty ? Expr{} : strict_list();
      if (!empty && !condition) return {};
    }
    accept(TokenKind::Comma);
    accept(TokenKind::Period);
    parts.insert(parts.end(), {value, condition});
    if (!accept(TokenKind::NewRow) && !is(TokenKind::CasesEnd)) return fail("cases that are not closed");
  }
  return parts.empty() ? fail("no cases") : arena_.node(Kind::Cases, parts);
}

}  // namespace grove::math::detail
