// SPDX-License-Identifier: Apache-2.0
#include "grove/math/answer_form.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "grove/math/closed_form.hpp"
#include "grove/math/matrix.hpp"
#include "grove/math/number_words.hpp"
#include "grove/math/real_set.hpp"
#include "grove/math/rewrite.hpp"
#include "grove/math/traits.hpp"

namespace grove::math::detail {

namespace {

constexpr std::size_t most_items = 256;

/// x of x_1, x_{2} and x1.
std::string_view stem(std::string_view name) {
  std::size_t const end = name.find_first_of("_0123456789");
  return end == std::string_view::npos || end == 0 ? name : name.substr(0, end);
}

/// What some words mean.
struct Meaning {
  std::string_view words;
  Constant set;
};
constexpr Meaning meanings[] = {{"allrealnumbers", Constant::Reals},     {"allreals", Constant::Reals},
                                {"realnumbers", Constant::Reals},        {"nosolution", Constant::EmptySet},
                                {"nosolutions", Constant::EmptySet},     {"norealsolution", Constant::EmptySet},
                                {"norealsolutions", Constant::EmptySet}, {"emptyset", Constant::EmptySet},
                                {"theemptyset", Constant::EmptySet}};

/// The name of the imaginary unit where it stands for a number: not as what a sum or another operator counts with.
std::optional<std::uint32_t> imaginary(Arena const& arena, Expr e) {  // NOLINT(misc-no-recursion): bounded depth
  if (arena.is(e, Kind::Symbol)) return arena.name(e) == "i" ? std::optional(arena.name_id(e)) : std::nullopt;
  switch (arena.kind(e)) {
    case Kind::Sum:
    case Kind::Product:
    case Kind::Integral:
    case Kind::Derivative:
    case Kind::Limit:
      return std::nullopt;
    default:
      break;
  }
  for (Expr const part : arena.children(e)) {
    if (auto const name = imaginary(arena, part)) return name;
  }
  return std::nullopt;
}

bool is_collection(Kind kind) { return kind == Kind::List || kind == Kind::Set || kind == Kind::Or; }

}  // namespace

Expr AnswerForm::operator()(Expr e) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
  if (!e) return e;
  auto const parts = arena_.children(e);
  switch (arena_.kind(e)) {
    case Kind::Unit:
    case Kind::Based:
      return (*this)(parts[0]);
    case Kind::Tuple:
      if (parts.size() == 1) return (*this)(parts[0]);
      return signs(arena_.bracket_of(e) == Bracket::Angle ? arena_.tuple(parts, Bracket::Round) : e);
    case Kind::Matrix:
      // A column is a tuple.
      if (parts.size() > 1 && arena_.extra(e) == static_cast<std::int32_t>(parts.size()))
        return signs(arena_.tuple(parts, Bracket::Round));
      return signs(e);
    case Kind::Relation:
      return relation(e);
    case Kind::And:
      return conjunction(e);
    case Kind::List:
    case Kind::Or:
    case Kind::Set:
      return several(e);
    case Kind::Text:
      return meaning(e);
    case Kind::Multiply:
    case Kind::Add:
    case Kind::Power:
    case Kind::Function: {
      Expr const folded = fold_matrices(arena_, e, Inverses::WorkedOut);
      return folded && arena_.is(folded, Kind::Matrix) ? (*this)(folded) : signs(e);
    }
    case Kind::SetBuilder:
      return set_builder(e);
    case Kind::Interval:
      // [a, a] has one element.
      return arena_.detail(e) == IntervalEnds::closed && zero_.equal(arena_, parts[0], parts[1], fuel_).equal()
                 ? (*this)(parts[0])
                 : e;
    default:
      return signs(e);
  }
}

Expr AnswerForm::meaning(Expr e) {
  std::string const words = plain_words(arena_.name(e));
  for (auto const& [known, set] : meanings) {
    if (words == known) return arena_.constant(set);
  }
  auto const number = number_of_words(arena_.name(e));
  return number ? arena_.number(*number) : e;
}

/// The condition of {x | condition} and of {x in R | condition}; {x in Z | condition} as its elements where they are
/// few.
Expr AnswerForm::set_builder(Expr e) {  // NOLINT(misc-no-recursion)
  constexpr std::int64_t most_elements = 64;
  Expr const what = arena_.child(e, 0);
  Expr const condition = arena_.child(e, 1);
  if (is_name(arena_, what)) return (*this)(condition);
  bool const member = arena_.is(what, Kind::Relation) && arena_.relation_of(what) == RelationType::In &&
                      arena_.is(arena_.child(what, 0), Kind::Symbol);
  if (!member) return e;
  Expr const of = arena_.child(what, 1);
  Expr const formed = (*this)(condition);
  if (!formed || arena_.is(of, Constant::Reals)) return formed;
  bool const integers = arena_.is(of, Constant::Integers);
  if (!integers && !arena_.is(of, Constant::Naturals)) return e;
  auto const region = RealSet::of(arena_, zero_, formed, fuel_);
  if (!region) return e;
  std::vector<Expr> elements;
  for (RealSet::Piece const& piece : region->pieces()) {
    auto const from = zero_.rational(arena_, piece.from, fuel_);
    auto const to = zero_.rational(arena_, piece.to, fuel_);
    if (!from || !to) return e;
    Rational const floor = from->floor();
    auto first = (floor == *from && !piece.from_open ? floor : floor + Rational(1)).as_int64();
    auto const last = to->floor().as_int64();
    // Whether 0 is a natural number is a matter of taste.
    if (!first || !last || (!integers && *first <= 0)) return e;
    for (; *first <= *last; ++*first) {
      if (Rational(*first) == *to && piece.to_open) break;
      if (elements.size() >= static_cast<std::size_t>(most_elements)) return e;
      elements.push_back(arena_.number(Rational(*first)));
    }
  }
  return elements.empty() ? arena_.constant(Constant::EmptySet) : arena_.node(Kind::Set, elements);
}

Expr AnswerForm::signs(Expr e) {
  if (auto const name = imaginary(arena_, e)) e = substitute(arena_, e, *name, arena_.constant(Constant::I));
  if (e) e = closed_forms(arena_, e, fuel_);
  if (!e) return e;
  auto const both = expand_signs(arena_, e);
  return both.size() == 1 ? e : arena_.node(Kind::Set, both);
}

Expr AnswerForm::relation(Expr e) {  // NOLINT(misc-no-recursion)
  Expr const left = arena_.child(e, 0);
  Expr const right = arena_.child(e, 1);
  switch (arena_.relation_of(e)) {
    case RelationType::Equal:
      break;
    case RelationType::In:
      return is_name(arena_, left) ? (*this)(right) : e;
    case RelationType::Approximately:
      return is_name(arena_, left) ? (*this)(right) : (*this)(left);
    default:
      return e;
  }
  if (is_name(arena_, left)) return (*this)(right);
  if (is_name(arena_, right)) return (*this)(left);
  if (Expr const value = of_multiple(left, right)) return value;
  if (zero_.equal(arena_, left, right, fuel_).equal()) return (*this)(right);
  if (auto const root = linear_root(arena_, zero_, e, fuel_)) return root->root;
  return e;
}

/// The value of f(x) in 2 f(x) = right.
Expr AnswerForm::of_multiple(Expr left, Expr right) {
  if (!arena_.is(left, Kind::Multiply)) return {};
  Rational factor(1);
  Expr name;
  for (Expr const part : arena_.children(left)) {
    if (arena_.is_numeral(part)) {
      factor = factor * arena_.value(part);
    } else if (!name && is_name(arena_, part)) {
      name = part;
    } else {
      return {};
    }
  }
  if (!name || factor.is_zero() || arena_.is(name, Kind::Tuple)) return {};
  return arena_.multiply(arena_.number(Rational(1) / factor), right);
}

Expr AnswerForm::conjunction(Expr e) {  // NOLINT(misc-no-recursion)
  auto const parts = arena_.children(e);
  auto const type = [&](Expr part) {
    return arena_.is(part, Kind::Relation) ? arena_.relation_of(part) : RelationType::Maps;
  };
  bool const equalities = std::all_of(parts.begin(), parts.end(), [&](Expr part) {
    return type(part) == RelationType::Equal || type(part) == RelationType::Approximately;
  });
  if (!equalities || parts.empty()) return e;
  if (arena_.extra(e) != 1) return assignments(parts);
  // name = name = a = b = c says a if a, b and c agree; roundings at the end do not count.
  std::vector<Expr> values;
  if (!is_name(arena_, arena_.child(parts[0], 0))) values.push_back(arena_.child(parts[0], 0));
  for (Expr const part : parts) {
    if (type(part) == RelationType::Approximately && !values.empty()) continue;
    if (!is_name(arena_, arena_.child(part, 1)) || part == parts.back()) values.push_back(arena_.child(part, 1));
  }
  for (Expr const value : values) {
    if (!zero_.equal(arena_, value, values.back(), fuel_).equal() && !same_structure(arena_, value, values.back()))
      return e;
  }
  return (*this)(values.back());
}

bool AnswerForm::is_assignment(Expr e) const {
  return arena_.is(e, Kind::Relation) && arena_.relation_of(e) == RelationType::Equal &&
         is_name(arena_, arena_.child(e, 0));
}

/// Flattens lists within lists; false if there are too many.
bool AnswerForm::gather(Expr e, std::vector<Expr>& items) {  // NOLINT(misc-no-recursion)
  for (Expr const part : arena_.children(e)) {
    if (items.size() > most_items) return false;
    if (arena_.is(part, Kind::List) || arena_.is(part, Kind::Or)) {
      if (!gather(part, items)) return false;
      continue;
    }
    auto const both = expand_signs(arena_, part);
    items.insert(items.end(), both.begin(), both.end());
  }
  return true;
}

/// x = 1, y = 2 joined by "and".
bool AnswerForm::are_assignments(Expr e) const {
  auto const parts = arena_.children(e);
  return arena_.is(e, Kind::And) && arena_.extra(e) != 1 &&
         std::all_of(parts.begin(), parts.end(), [&](Expr part) { return is_assignment(part); });
}

/// Do all assignments name the same, but for subscripts?
bool AnswerForm::one_name(std::span<Expr const> items) const {
  auto const name = [&](Expr item) { return to_string(arena_, arena_.child(item, 0)); };
  std::string const first = name(items[0]);
  return std::all_of(items.begin(), items.end(), [&](Expr item) { return stem(name(item)) == stem(first); });
}

/// `x != 1, 2` as x != 1 and x != 2; nothing for everything else.
Expr AnswerForm::exclusions(std::span<Expr const> items) {
  auto const excludes = [&](Expr e) {
    return arena_.is(e, Kind::Relation) && arena_.relation_of(e) == RelationType::NotEqual &&
           is_name(arena_, arena_.child(e, 0));
  };
  if (items.size() < 2 || !excludes(items[0])) return {};
  bool const others = std::any_of(items.begin() + 1, items.end(), [&](Expr item) {
    return arena_.is(item, Kind::Relation) || arena_.is(item, Kind::And) || arena_.is(item, Kind::Or);
  });
  if (others) return {};
  std::vector<Expr> all{items[0]};
  for (Expr const item : items.subspan(1))
    all.push_back(arena_.relation(RelationType::NotEqual, arena_.child(items[0], 0), item));
  return arena_.node(Kind::And, all);
}

Expr AnswerForm::assignments(std::span<Expr const> items) {  // NOLINT(misc-no-recursion)
  std::vector<std::pair<std::string, Expr>> named;
  for (Expr const item : items)
    named.emplace_back(to_string(arena_, arena_.child(item, 0)), (*this)(arena_.child(item, 1)));
  bool const one = one_name(items);
  if (!one)
    std::stable_sort(named.begin(), named.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  std::vector<Expr> values;
  values.reserve(named.size());
  for (auto const& [name, value] : named) values.push_back(value);
  if (one) return arena_.node(Kind::Set, values);
  return arena_.tuple(values, Bracket::Round);
}

Expr AnswerForm::several(Expr e) {  // NOLINT(misc-no-recursion)
  std::vector<Expr> items;
  if (!gather(e, items)) return {};
  if (items.size() == 1) return (*this)(items[0]);
  bool const said_or = arena_.is(e, Kind::Or) && arena_.extra(e) == 1;
  if (!items.empty() && std::all_of(items.begin(), items.end(), [&](Expr item) { return is_assignment(item); })) {
    return said_or && !one_name(items) ? e : (*this)(assignments(items));
  }
  // `x = 1, 2, 3`: the name stands before the first only.
  if (items.size() > 1 && is_assignment(items[0]) &&
      std::none_of(items.begin() + 1, items.end(), [&](Expr item) { return arena_.is(item, Kind::Relation); })) {
    items[0] = arena_.child(items[0], 1);
  }
  if (Expr const excluded = exclusions(items)) return excluded;
  bool const relations = std::any_of(items.begin(), items.end(), [&](Expr item) {
    return (arena_.is(item, Kind::Relation) && !is_assignment(item)) ||
           (arena_.is(item, Kind::And) && !are_assignments(item));
  });
  if (relations) {
    if (said_or) return e;
    // Between commas: of one variable, either may hold (RealSet decides); of several, all do.
    Traits traits;
    for (Expr const item : items)
      for (Expr const part : arena_.children(item)) traits.gather(arena_, part);
    return arena_.node(traits.free.size() > 1 ? Kind::And : Kind::Or, items);
  }
  for (Expr& item : items) {
    item = (*this)(item);
    if (!item) return {};
  }
  // What became a collection itself is taken apart once more.
  std::vector<Expr> flat;
  for (Expr const item : items) {
    if (is_collection(arena_.kind(item)) && !arena_.is(e, Kind::Set)) {
      auto const parts = arena_.children(item);
      flat.insert(flat.end(), parts.begin(), parts.end());
    } else {
      flat.push_back(item);
    }
  }
  if (lists_ordered_ && arena_.is(e, Kind::List)) return arena_.tuple(flat, Bracket::None);
  return arena_.node(Kind::Set, flat);
}

}  // namespace grove::math::detail
