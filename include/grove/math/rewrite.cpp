// SPDX-License-Identifier: Apache-2.0
#include "grove/math/rewrite.hpp"

#include <algorithm>

namespace grove::math::detail {

namespace {

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

Expr substitute(Arena& arena, Expr e, std::uint32_t name, Expr value) {
  return rebuild(arena, e, [&](Expr x) { return arena.is(x, Kind::Symbol) && arena.name_id(x) == name ? value : x; });
}

bool contains(Arena const& arena, Expr e, Kind kind) {  // NOLINT(misc-no-recursion)
  if (arena.is(e, kind)) return true;
  auto const parts = arena.children(e);
  return std::any_of(parts.begin(), parts.end(), [&](Expr part) { return contains(arena, part, kind); });
}

Expr functions_as_variables(Arena& arena, Expr e) {
  return rebuild(arena, e, [&](Expr x) { return arena.is(x, Kind::Apply) ? arena.symbol(to_string(arena, x)) : x; });
}

Expr derivatives_as_variables(Arena& arena, Expr e) {
  return rebuild(arena, e,
                 [&](Expr x) { return arena.is(x, Kind::Derivative) ? arena.symbol(to_string(arena, x)) : x; });
}

std::vector<Expr> expand_signs(Arena& arena, Expr e) {
  if (!contains(arena, e, Kind::PlusMinus) && !contains(arena, e, Kind::MinusPlus)) return {e};
  auto const with = [&](bool plus) {
    auto const choose = [&](auto const& self, Expr x) -> Expr {  // NOLINT(misc-no-recursion)
      bool const upper_sign = arena.is(x, Kind::PlusMinus);
      if (!upper_sign && !arena.is(x, Kind::MinusPlus)) return x;
      auto const parts = arena.children(x);
      auto const inner = [&](Expr part) { return rebuild(arena, part, [&](Expr y) { return self(self, y); }); };
      Expr const last = inner(parts.back());
      Expr const term = upper_sign == plus ? last : arena.negate(last);
      return parts.size() == 1 ? term : arena.add(inner(parts[0]), term);
    };
    return rebuild(arena, e, [&](Expr x) { return choose(choose, x); });
  };
  return {with(true), with(false)};
}

Expr difference(Arena& arena, Expr relation) {
  Expr const right = arena.child(relation, 1);
  if (arena.is_numeral(right) && arena.value(right).is_zero()) return arena.child(relation, 0);
  return arena.subtract(arena.child(relation, 0), right);
}

RelationType flipped(RelationType type) {
  switch (type) {
    case RelationType::Less:
      return RelationType::Greater;
    case RelationType::LessEqual:
      return RelationType::GreaterEqual;
    case RelationType::Greater:
      return RelationType::Less;
    case RelationType::GreaterEqual:
      return RelationType::LessEqual;
    default:
      return type;
  }
}

bool is_inequality(RelationType type) { return type >= RelationType::Less && type <= RelationType::GreaterEqual; }

/// AB, \angle ABC, m\angle A, \Delta x: letters that name one thing together.
bool names_figure(Arena const& arena, std::span<Expr const> parts) {
  bool change = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (arena.is(parts[i], Kind::Text)) continue;
    if (!arena.is(parts[i], Kind::Symbol)) return false;
    std::string_view const name = arena.name(parts[i]);
    bool const measure = name == "m" && i == 0 && parts.size() > 1 && arena.is(parts[1], Kind::Symbol) &&
                         arena.name(parts[1]) == "angle";
    if (!upper(name[0]) && !measure && name != "angle" && name != "triangle" && !(change && i == 1)) return false;
    change = i == 0 && name == "Delta";
  }
  return !parts.empty();
}

bool is_name(Arena const& arena, Expr e) {  // NOLINT(misc-no-recursion)
  auto const parts = arena.children(e);
  switch (arena.kind(e)) {
    case Kind::Symbol:
    case Kind::Text:
      return true;
    case Kind::Apply:
      return arena.name(e).find('\'') == std::string_view::npos;  // y' = 2x does not say what y is
    case Kind::Tuple:
      return std::all_of(parts.begin(), parts.end(), [&](Expr part) { return is_name(arena, part); });
    case Kind::Multiply:
      return names_figure(arena, parts);
    case Kind::Function:  // |AB|, |S|: of a figure or a set, not of an unknown number
      return arena.is(e, Function::Abs) &&
             names_figure(arena, arena.is(parts[0], Kind::Symbol) ? parts : arena.children(parts[0]));
    default:
      return false;
  }
}

std::string letters(Arena const& arena, Expr e) {
  std::string text;
  auto const append = [&](Expr x) {
    if (arena.is(x, Kind::Symbol)) {
      text += arena.name(x);
    } else if (arena.is(x, Constant::E) || arena.is(x, Constant::I)) {
      text += arena.is(x, Constant::E) ? 'e' : 'i';
    } else {
      return false;
    }
    return true;
  };
  if (!arena.is(e, Kind::Multiply)) return append(e) ? text : std::string();
  for (Expr const part : arena.children(e)) {
    if (!append(part)) return {};
  }
  return text;
}

std::string plain_words(std::string_view text) {
  std::string words;
  for (char const c : text) {
    if (upper(c)) {
      words += static_cast<char>(c - 'A' + 'a');
    } else if (lower(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
      words += c;
    }
  }
  return words;
}

}  // namespace grove::math::detail
