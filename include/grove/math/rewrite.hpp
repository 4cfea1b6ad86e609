// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "grove/math/expression.hpp"

namespace grove::math::detail {

/// Copies e with `replace(e)` in place of the nodes for which it returns something else.
template <class Replace>
Expr rebuild(Arena& arena, Expr e,
             Replace const& replace) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
  if (Expr const other = replace(e); !(other == e)) return other;
  auto const parts = arena.children(e);
  if (parts.empty()) return e;
  std::vector<Expr> made;
  made.reserve(parts.size());
  bool changed = false;
  for (Expr const part : parts) {
    made.push_back(part ? rebuild(arena, part, replace) : part);
    changed = changed || !(made.back() == part);
  }
  if (!changed) return e;
  if (arena.is(e, Kind::Apply) || arena.is(e, Kind::Unit)) return arena.named(arena.kind(e), arena.name(e), made);
  return arena.node(arena.kind(e), made, arena.detail(e), arena.extra(e));
}

/// e with a free variable replaced. What does not contain it is shared.
Expr substitute(Arena& arena, Expr e, std::uint32_t name, Expr value);

bool contains(Arena const& arena, Expr e, Kind kind);

/// e with f(x) read as a variable of that name, for every undefined function.
Expr functions_as_variables(Arena& arena, Expr e);

/// e with dy/dt read as a variable of that name, for every derivative.
Expr derivatives_as_variables(Arena& arena, Expr e);

/// a +- b as its two values (both signs change together throughout the expression), or the expression itself.
std::vector<Expr> expand_signs(Arena& arena, Expr e);

/// left - right of a relation.
Expr difference(Arena& arena, Expr relation);

RelationType flipped(RelationType type);  ///< < for >, and so on
bool is_inequality(RelationType type);    ///< <, <=, >, >=

/// Is it a name: a symbol, f(x), a product of capital letters (AB), or a tuple of names?
bool is_name(Arena const& arena, Expr e);

/// Letters of a product of symbols, or of one ("E v e n" for \text{Even}); empty for anything else.
std::string letters(Arena const& arena, Expr e);
/// Letters and digits of a text, in lower case.
std::string plain_words(std::string_view text);

}  // namespace grove::math::detail
