// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/math/grammar.hpp"

namespace grove::math::detail {

bool Grammar::begins_bracket() const {
  switch (kind()) {
    case TokenKind::LeftRound:
    case TokenKind::LeftSquare:
    case TokenKind::LeftBrace:
    case TokenKind::LeftSet:
    case TokenKind::Box:
      return true;
    case TokenKind::Constant:
      return token().detail > static_cast<std::uint8_t>(Constant::Undefined);
    default:
      return false;
  }
}

bool Grammar::ends_element() const {
  switch (kind()) {
    case TokenKind::End:
    case TokenKind::Comma:
    case TokenKind::Semicolon:
    case TokenKind::RightRound:
    case TokenKind::RightSquare:
    case TokenKind::RightBrace:
    case TokenKind::RightSet:
      return true;
    default:
      return false;
  }
}

/// Is it built of nothing but symbols: x, x_1, A/S?
bool Grammar::only_symbols(Expr e) const {
  Step const step(const_cast<Grammar&>(*this));
  if (!step.allowed() || !e) return false;
  if (arena_.is(e, Kind::Symbol)) return true;
  if (arena_.is(e, Kind::Power)) {
    Expr const to = arena_.child(e, 1);
    if (is_integer(to) && arena_.value(to) == Rational(-1)) return only_symbols(arena_.child(e, 0));
  }
  auto const children = arena_.children(e);
  return !children.empty() && std::all_of(children.begin(), children.end(), [&](Expr c) { return only_symbols(c); });
}

Expr Grammar::join(Expr left, RelationType type, Expr right) {
  if (type == RelationType::Approximately) return only_symbols(left) ? right : left;
  if (arena_.is(left, Kind::And)) {
    Exprs relations(arena_.children(left).begin(), arena_.children(left).end());
    relations.push_back(arena_.relation(type, arena_.child(relations.back(), 1), right));
    return arena_.node(Kind::And, relations, 0, 1);
  }
  if (arena_.is(left, Kind::Relation)) {
    return arena_.node(Kind::And, {left, arena_.relation(type, arena_.child(left, 1), right)}, 0, 1);
  }
  return arena_.relation(type, left, right);
}

Expr Grammar::relation_chain() {
  Expr left = expression();
  for (std::size_t count = 0; left && (is(TokenKind::Relation) || is(TokenKind::Assign)); ++count) {
    auto const type = is(TokenKind::Assign) ? RelationType::Equal : static_cast<RelationType>(token().detail);
    switch (type) {
      case RelationType::Equal:
      case RelationType::NotEqual:
      case RelationType::Less:
      case RelationType::LessEqual:
      case RelationType::Greater:
      case RelationType::GreaterEqual:
      case RelationType::Approximately:
        break;
      default:
        return fail("a relation that is not for expressions");
    }
    if (count > 64) return fail("too long a chain");
    advance();
    Expr const right = expression();
    if (!right) return {};
    left = join(left, type, right);
  }
  return left;
}

Grammar::Element Grammar::element(Exprs& out, bool relations) {
  Step const step(*this);
  if (!step.allowed()) {
    fail("nested too deeply");
    return Element::Failed;
  }
  if (accept(TokenKind::PlusMinus) || accept(TokenKind::MinusPlus)) {
    Expr const value = expression();
    if (!value) return Element::Failed;
    out.insert(out.end(), {arena_.negate(value), value});
    return Element::Other;
  }
  std::size_t const start = at_;
  if (begins_bracket()) {
    bool const brackets = is(TokenKind::LeftRound) || is(TokenKind::LeftSquare);
    Expr const value = bracketed();
    if (value && ends_element()) {
      out.push_back(value);
      bool const set = arena_.is(value, Kind::Tuple) || arena_.is(value, Kind::Set) || arena_.is(value, Kind::Interval);
      return brackets && !set ? Element::Plain : Element::Other;
    }
    back(start);
  }
  Expr const left = relations ? relation_chain() : expression();
  if (!left) return Element::Failed;
  bool const related = arena_.is(left, Kind::Relation) || arena_.is(left, Kind::And);
  if (!related && (accept(TokenKind::PlusMinus) || accept(TokenKind::MinusPlus))) {
    Expr const right = expression();
    if (!right) return Element::Failed;
    out.insert(out.end(), {arena_.add(left, right), arena_.subtract(left, right)});
    return Element::Other;
  }
  out.push_back(left);
  return related ? Element::Other : Element::Plain;
}

bool Grammar::elements(Lists& out, bool relations) {
  do {
    out.emplace_back();
    do {
      if (element(out.back(), relations) == Element::Failed) return false;
    } while (accept(TokenKind::Comma));
  } while (accept(TokenKind::Semicolon));
  return true;
}

/// Sets without braces: `1, 2`, `1; 2`, `1, 2; 3, 4`.
Expr Grammar::collection(Lists const& lists) {
  if (lists.size() == 1) {
    if (lists[0].size() == 1) return lists[0][0];
    return arena_.node(Kind::List, lists[0], static_cast<std::uint8_t>(Bracket::None));
  }
  Exprs members;
  bool const single = std::all_of(lists.begin(), lists.end(), [](Exprs const& list) { return list.size() == 1; });
  for (Exprs const& list : lists) members.push_back(single ? list[0] : arena_.tuple(list, Bracket::None));
  return arena_.node(Kind::List, members, static_cast<std::uint8_t>(Bracket::Semicolon));
}

Expr Grammar::bracketed() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  TokenKind open = kind();
  if (open == TokenKind::Constant) {
    Expr const set = arena_.constant(static_cast<Constant>(token().detail));
    advance();
    return set;
  }
  bool const box = accept(TokenKind::Box);
  if (box) open = kind();
  advance();
  if (open == TokenKind::LeftBrace && !box && accept(TokenKind::RightBrace)) {
    return arena_.constant(Constant::EmptySet);
  }
  int const bars = bars_;
  bars_ = 0;
  Lists lists;
  // Two plain expressions between one comma may be an interval's ends.
  bool plain = true;
  bool good = true;
  do {
    lists.emplace_back();
    do {
      Element const kind = element(lists.back(), true);
      good = kind != Element::Failed;
      plain = plain && kind == Element::Plain;
    } while (good && accept(TokenKind::Comma));
  } while (good && accept(TokenKind::Semicolon));
  bars_ = bars;
  if (!good) return {};
  TokenKind const close = kind();
  bool const curly = open == TokenKind::LeftBrace || open == TokenKind::LeftSet;
  TokenKind const mate = open == TokenKind::LeftRound    ? TokenKind::RightRound
                         : open == TokenKind::LeftSquare ? TokenKind::RightSquare
                         : open == TokenKind::LeftSet    ? TokenKind::RightSet
                                                         : TokenKind::RightBrace;
  if (curly ? close != mate : close != TokenKind::RightRound && close != TokenKind::RightSquare) {
    return fail("a bracket that is not closed");
  }
  advance();
  if (box) return collection(lists);
  Exprs all;
  for (Exprs const& list : lists) all.insert(all.end(), list.begin(), list.end());
  if (curly) return arena_.node(Kind::Set, all);
  bool const left_open = open == TokenKind::LeftRound;
  bool const right_open = close == TokenKind::RightRound;
  if (lists.size() == 1 && all.size() == 2 && plain) {
    if (left_open && right_open) return arena_.tuple(all, Bracket::Round);
    return arena_.interval(all[0], all[1],
                           static_cast<std::uint8_t>((left_open ? IntervalEnds::left_open : 0) |
                                                     (right_open ? IntervalEnds::right_open : 0)));
  }
  if (close != mate) return fail("brackets of two kinds");
  if (all.size() == 1) return all[0];
  return arena_.tuple(all, left_open ? Bracket::Round : Bracket::Square);
}

Expr Grammar::symbol_list() {
  if (!is(TokenKind::LeftRound)) return begins_symbol() ? atom_expression(true) : Expr{};
  advance();
  Exprs symbols;
  do {
    Expr const symbol = begins_symbol() ? atom_expression(true) : Expr{};
    if (!symbol) return {};
    symbols.push_back(symbol);
  } while (accept(TokenKind::Comma));
  if (!accept(TokenKind::RightRound)) return {};
  return symbols.size() == 1 ? symbols[0] : arena_.tuple(symbols, Bracket::Round);
}

/// x = 1, 2 and x \in \{1, 2\}: a symbol and what it may be.
Expr Grammar::assigned_elements() {
  Expr const left = symbol_list();
  if (!left || !(is(TokenKind::Assign) || is_relation(RelationType::In))) return {};
  advance();
  Lists lists;
  if (!elements(lists, false) || !is(TokenKind::End)) return {};
  return arena_.relation(RelationType::Equal, left, collection(lists));
}

Expr Grammar::set_operand() {
  std::size_t const start = at_;
  if (accept(TokenKind::LeftRound)) {
    Expr const inside = set_difference();
    if (inside && accept(TokenKind::RightRound)) return inside;
    back(start);
  }
  return begins_bracket() ? bracketed() : fail("a set is missing");
}

Expr Grammar::set_intersection() {
  Expr left = set_operand();
  while (left && accept(TokenKind::Intersection)) left = arena_.node(Kind::Intersection, {left, set_operand()});
  return left;
}

Expr Grammar::set_union() {
  Expr const first = set_intersection();
  if (!first || !is(TokenKind::Union)) return first;
  Exprs sets{first};
  while (accept(TokenKind::Union)) {
    Expr const next = set_intersection();
    if (!next) return {};
    sets.push_back(next);
  }
  return arena_.node(Kind::Union, sets);
}

Expr Grammar::set_difference() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  Expr left = set_union();
  while (left && accept(TokenKind::SetMinus)) left = arena_.node(Kind::Difference, {left, set_union()});
  return left;
}

Expr Grammar::set_relation() {
  Step const step(*this);
  if (!step.allowed()) return fail("nested too deeply");
  std::size_t const start = at_;
  if (begins_symbol() || is(TokenKind::LeftRound)) {
    Expr const left = symbol_list();
    bool const not_in = is_relation(RelationType::NotIn);
    if (left && (is(TokenKind::Assign) || is_relation(RelationType::In) || not_in)) {
      advance();
      Expr const right = set_relation();
      if (right) return arena_.relation(not_in ? RelationType::NotIn : RelationType::Equal, left, right);
    }
    back(start);
  }
  Expr const left = set_difference();
  if (!left) return {};
  bool const subset = is_relation(RelationType::SubsetEqual);
  if (!subset && !is_relation(RelationType::SupersetEqual)) return left;
  advance();
  Expr const right = set_difference();
  return right ? arena_.relation(subset ? RelationType::SubsetEqual : RelationType::SupersetEqual, left, right)
               : Expr{};
}

Expr Grammar::leading() {
  leading_ = true;
  Expr value = expression();
  if (value && (is(TokenKind::Relation) || is(TokenKind::Assign))) {
    auto const type = is(TokenKind::Assign) ? RelationType::Equal : static_cast<RelationType>(token().detail);
    advance();
    value = arena_.relation(type, value, expression());
  }
  // What a parser may leave: a root without braces, what is below a number, and a list's other elements, unless they
  // are numbers, whose commas it takes for its own.
  if (value && is(TokenKind::Underscore)) return value;
  bool const list = is(TokenKind::Comma) && kind(1) != TokenKind::Number;
  if (is(TokenKind::End) || is(TokenKind::Root) || list) return value;
  return fail("something is left over");
}

Expr Grammar::compatible() {
  if (begins_symbol() || is(TokenKind::LeftRound)) {
    if (Expr const value = assigned_elements()) return value;
    back(0);
  }
  Lists lists;
  if (elements(lists, true) && is(TokenKind::End)) return collection(lists);
  std::string_view const problem = problem_.empty() ? "something is left over" : problem_;
  back(0);
  Expr const value = set_relation();
  if (value && is(TokenKind::End)) return value;
  problem_ = problem;
  return {};
}

}  // namespace grove::math::detail
