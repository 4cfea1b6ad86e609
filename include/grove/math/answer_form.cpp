// SPDX-License-Identifier: Apache-2.0
#include "grove/math/answer_form.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "grove/math/matrix.hpp"
#include "grove/math/real_set.hpp"
#include "grove/math/rewrite.hpp"

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
constexpr std::string_view numerals[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                         "seven", "eight", "nine", "ten",   "eleven", "twelve"};

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
    case Kind::Power: {
      Expr const folded = fold_matrices(arena_, e);
      return folded && arena_.is(folded, Kind::Matrix) ? (*this)(folded) : signs(e);
    }
    case Kind::SetBuilder:
      return parts.size() == 2 && is_name(arena_, parts[0]) ? (*this)(parts[1]) : e;
    default:
      return signs(e);
  }
}

Expr AnswerForm::meaning(Expr e) {
  std::string const words = plain_words(arena_.name(e));
  for (auto const& [known, set] : meanings) {
    if (words == known) return arena_.constant(set);
  }
  auto const* const numeral = std::find(std::begin(numerals), std::end(numerals), words);
  return numeral == std::end(numerals) ? e : arena_.number(numeral - std::begin(numerals));
}

Expr AnswerForm::signs(Expr e) {
  if (auto const name = imaginary(arena_, e)) e = substitute(arena_, e, *name, arena_.constant(Constant::I));
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

Expr AnswerForm::assignments(std::span<Expr const> items) {  // NOLINT(misc-no-recursion)
  std::vector<std::pair<std::string, Expr>> named;
  for (Expr const item : items)
    named.emplace_back(to_string(arena_, arena_.child(item, 0)), (*this)(arena_.child(item, 1)));
  bool const one_name =
      std::all_of(named.begin(), named.end(), [&](auto const& x) { return stem(x.first) == stem(named[0].first); });
  if (!one_name)
    std::stable_sort(named.begin(), named.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  std::vector<Expr> values;
  values.reserve(named.size());
  for (auto const& [name, value] : named) values.push_back(value);
  if (one_name) return arena_.node(Kind::Set, values);
  return arena_.tuple(values, Bracket::Round);
}

Expr AnswerForm::several(Expr e) {  // NOLINT(misc-no-recursion)
  std::vector<Expr> items;
  if (!gather(e, items)) return {};
  if (items.size() == 1) return (*this)(items[0]);
  if (!items.empty() && std::all_of(items.begin(), items.end(), [&](Expr item) { return is_assignment(item); })) {
    return (*this)(assignments(items));
  }
  // `x = 1, 2, 3`: the name stands before the first only.
  if (items.size() > 1 && is_assignment(items[0]) &&
      std::none_of(items.begin() + 1, items.end(), [&](Expr item) { return arena_.is(item, Kind::Relation); })) {
    items[0] = arena_.child(items[0], 1);
  }
  bool const relations = std::any_of(items.begin(), items.end(), [&](Expr item) {
    return (arena_.is(item, Kind::Relation) && !is_assignment(item)) || arena_.is(item, Kind::And);
  });
  if (relations) return arena_.node(Kind::Or, items);
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
