// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/math/compatible_equality.hpp"
#include "grove/math/matrix.hpp"
#include "grove/math/real_set.hpp"
#include "grove/math/rewrite.hpp"
#include "grove/math/traits.hpp"

namespace grove::math {

namespace detail {

bool CompatibleEquality::is_equation(Expr e) const {
  if (arena_.is(e, Kind::Relation)) return arena_.relation_of(e) == RelationType::Equal;
  auto const parts = arena_.children(e);
  return arena_.is(e, Kind::And) && !parts.empty() &&
         std::all_of(parts.begin(), parts.end(), [&](Expr part) { return is_equation(part); });
}

bool CompatibleEquality::only_symbols(Expr e) const {  // NOLINT(misc-no-recursion): depth is bounded by the arena
  auto const parts = arena_.children(e);
  if (arena_.is(e, Kind::Symbol)) return true;
  if (arena_.is(e, Kind::Power) && arena_.is(parts[1], Kind::Number) && arena_.value(parts[1]) == Rational(-1))
    return only_symbols(parts[0]);
  return !parts.empty() && std::all_of(parts.begin(), parts.end(), [&](Expr part) { return only_symbols(part); });
}

bool CompatibleEquality::is_assignment(Expr e) const {
  if (!is_equation(e)) return false;
  Expr const first = arena_.is(e, Kind::And) ? arena_.child(e, 0) : e;
  return only_symbols(arena_.child(first, 0));
}

bool CompatibleEquality::is_region(Expr e) const {
  switch (arena_.kind(e)) {
    case Kind::Interval:
    case Kind::Union:
    case Kind::Intersection:
    case Kind::Difference:
    case Kind::SetBuilder:
      return true;
    case Kind::Constant:
      return arena_.constant_of(e) >= Constant::EmptySet && arena_.constant_of(e) <= Constant::Complexes;
    default:
      return false;
  }
}

bool CompatibleEquality::is_open_interval(Expr e) {
  if (arena_.is(e, Kind::Interval)) return arena_.detail(e) == IntervalEnds::open;
  return arena_.is(e, Kind::Tuple) && arena_.size(e) == 2 && arena_.bracket_of(e) == Bracket::Round &&
         zero_.order(arena_, arena_.child(e, 0), arena_.child(e, 1), fuel_).value_or(0) < 0;
}

Expr CompatibleEquality::last_right(Expr e) const {  // NOLINT(misc-no-recursion)
  return arena_.is(e, Kind::And) ? last_right(arena_.children(e).back()) : arena_.child(e, 1);
}

/// x = a = b as x = b, where x is a name.
Expr CompatibleEquality::shortened(Expr e) {
  if (!arena_.is(e, Kind::And)) return e;
  return arena_.relation(RelationType::Equal, arena_.child(arena_.child(e, 0), 0), last_right(e));
}

/// The answer with its variables called as the gold's are, in the order in which they appear, if there are as many.
Expr CompatibleEquality::renamed(Expr gold, Expr answer) {
  std::vector<Expr> names[2];
  auto const gather = [&](auto const& self, Expr e, std::vector<Expr>& found) -> void {  // NOLINT(misc-no-recursion)
    if (arena_.is(e, Kind::Symbol) && std::none_of(found.begin(), found.end(), [&](Expr other) {
          return arena_.name_id(other) == arena_.name_id(e);
        })) {
      found.push_back(e);
    }
    for (Expr const part : arena_.children(e)) self(self, part, found);
  };
  gather(gather, gold, names[0]);
  gather(gather, answer, names[1]);
  if (names[0].size() != names[1].size()) return answer;
  std::vector<Expr> between;
  for (std::size_t i = 0; i < names[1].size(); ++i) {
    between.push_back(arena_.symbol(std::to_string(i).append("?")));
    if (between.back()) answer = substitute(arena_, answer, arena_.name_id(names[1][i]), between.back());
  }
  for (std::size_t i = 0; i < between.size() && answer && between[i]; ++i) {
    answer = substitute(arena_, answer, arena_.name_id(between[i]), names[0][i]);
  }
  return answer;
}

Judgement CompatibleEquality::operator()(Expr gold, Expr answer, bool top) {  // NOLINT(misc-no-recursion)
  if (!fuel_.spend(1)) return {Verdict::Unknown, "the budget of work was spent"};
  if (top && !options_.strict) answer = renamed(gold, answer);
  if (!gold || !answer) return {Verdict::Unknown, "too large"};
  bool const gold_assigns = is_assignment(gold);
  bool const gold_equates = is_equation(gold);
  bool const answer_equates = is_equation(answer);
  if (gold_assigns) gold = shortened(gold);
  if (is_assignment(answer)) answer = shortened(answer);
  // The gold answer says which form is meant.
  if (answer_equates && !gold_equates) {
    answer = last_right(answer);
  } else if (gold_assigns && !answer_equates) {
    gold = last_right(gold);
  }
  if (!gold || !answer) return {Verdict::Unknown, "too large"};
  auto const is_set = [&](Expr e) { return is_finite_set(e) || is_region(e) || is_open_interval(e); };
  bool const either_way = top && options_.allow_set_relation_comparison;
  if ((is_relation(gold) && is_set(answer)) || (either_way && is_relation(answer) && is_set(gold))) {
    auto const a = RealSet::of(arena_, zero_, functions_as_variables(arena_, gold), fuel_);
    auto const b = a ? RealSet::of(arena_, zero_, functions_as_variables(arena_, answer), fuel_) : std::nullopt;
    if (a && b && RealSet::same(arena_, zero_, *a, *b, fuel_).value_or(false))
      return {Verdict::Equal, "the set that the relation describes"};
  }
  if (arena_.is(gold, Constant::Undefined)) return {Verdict::Unknown, "the gold answer has no value"};
  if (same_structure(arena_, gold, answer)) return {Verdict::Equal, "written alike"};
  if (is_relation(gold) && is_relation(answer)) return relations(gold, answer);
  auto const is_collection = [&](Expr e) { return is_finite_set(e) || is_region(e) || arena_.is(e, Kind::Tuple); };
  if (is_collection(gold) || is_collection(answer)) return sets(gold, answer);
  if (is_relation(gold) || is_relation(answer)) return {Verdict::Different, "a relation and a value"};
  if (arena_.is(gold, Kind::Symbol) || arena_.is(answer, Kind::Symbol)) return symbols(gold, answer);
  gold = fold_matrices(arena_, gold);
  answer = fold_matrices(arena_, answer);
  if (arena_.is(gold, Kind::Matrix) || arena_.is(answer, Kind::Matrix)) return matrices(gold, answer);
  if (contains(arena_, gold, Kind::Derivative) || contains(arena_, answer, Kind::Derivative)) {
    gold = derivatives_as_variables(arena_, gold);
    answer = derivatives_as_variables(arena_, answer);
    if (!gold || !answer) return {Verdict::Unknown, "too large"};
  }
  return numbers(gold, answer);
}

Judgement CompatibleEquality::relations(Expr gold, Expr answer) {  // NOLINT(misc-no-recursion)
  bool const both_chains = arena_.is(gold, Kind::And) && arena_.is(answer, Kind::And);
  if (both_chains) {
    auto const a = arena_.children(gold);
    auto const b = arena_.children(answer);
    if (a.size() != b.size()) return {Verdict::Different, "chains of different lengths"};
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (Judgement const link = relations(a[i], b[i]); !link.equal()) return link;
    }
    return {Verdict::Equal, "the same relations in order"};
  }
  if (arena_.is(gold, Kind::And) || arena_.is(answer, Kind::And))
    return {Verdict::Different, "a chain and one relation"};
  // What a chain joins is not always a relation: `1 < x \land \lnot p`.
  if (!is_relation(gold) || !is_relation(answer)) return (*this)(gold, answer, false);
  RelationType const x = arena_.relation_of(gold);
  RelationType const y = arena_.relation_of(answer);
  auto const sides = [&](Expr e, int side) { return arena_.child(e, static_cast<std::size_t>(side)); };
  auto const scalar = [&](Expr e) {
    Traits traits;
    traits.gather(arena_, sides(e, 0));
    traits.gather(arena_, sides(e, 1));
    return traits.scalar;
  };
  if (!scalar(gold) || !scalar(answer)) {
    // Sets and tuples have no difference; sides that are alike have.
    bool const alike = x == y && (*this)(sides(gold, 0), sides(answer, 0), false).equal() &&
                       (*this)(sides(gold, 1), sides(answer, 1), false).equal();
    return alike ? Judgement{Verdict::Equal, "the same sides"} : Judgement{Verdict::Different, "the sides differ"};
  }
  Expr const a = arena_.subtract(sides(gold, 0), sides(gold, 1));
  Expr const b = arena_.subtract(sides(answer, 0), sides(answer, 1));
  Expr const turned = arena_.subtract(sides(answer, 1), sides(answer, 0));
  if (!a || !b || !turned) return {Verdict::Unknown, "too large"};
  if (x == y && (*this)(a, b, false).equal()) return {Verdict::Equal, "the same difference of sides"};
  bool const has_reverse = x == RelationType::Equal || is_inequality(x);
  if (has_reverse && flipped(x) == y && (*this)(a, turned, false).equal())
    return {Verdict::Equal, "the same difference of sides, turned round"};
  if (x == RelationType::Equal && y == RelationType::Equal) return equations_solved(a, b);
  return {Verdict::Different, "the sides' differences differ"};
}

/// Are the solutions of a = 0 and b = 0 the same? As sympy's `solve` is called: with one variable nothing is equal.
Judgement CompatibleEquality::equations_solved(Expr a, Expr b) {
  Traits of_a;
  Traits of_b;
  of_a.gather(arena_, a);
  of_b.gather(arena_, b);
  if (of_a.free.empty() && of_b.free.empty()) return {Verdict::Equal, "neither equation has a variable to solve for"};
  if (of_a.free.size() < 2 || of_b.free.size() < 2) return {Verdict::Different, "the equations differ"};
  if (zero_.proportional(arena_, a, b, fuel_).value_or(0) != 0)
    return {Verdict::Equal, "the same equation up to a factor"};
  for (std::uint32_t const name : of_a.free) {
    if (std::find(of_b.free.begin(), of_b.free.end(), name) == of_b.free.end()) continue;
    auto const solution = [&](Expr e) -> Expr {
      Expr const base = substitute(arena_, e, name, arena_.number(0));
      Expr const slope = arena_.subtract(substitute(arena_, e, name, arena_.number(1)), base);
      Expr const twice = arena_.subtract(substitute(arena_, e, name, arena_.number(2)), base);
      Expr const expected = arena_.multiply(arena_.number(2), slope);
      if (!twice || !expected || !zero_.equal(arena_, twice, expected, fuel_).equal()) return {};
      return arena_.divide(base, slope);
    };
    Expr const x = solution(a);
    Expr const y = x ? solution(b) : Expr{};
    if (y && zero_.equal(arena_, x, y, fuel_).equal()) return {Verdict::Equal, "the same solutions"};
  }
  return {Verdict::Different, "the equations differ"};
}

}  // namespace detail

CompatibleComparison::CompatibleComparison(Options options)
    : options_(options),
      zero_({.roots = RootConvention::Principal,
             .degrees_as_numbers = true,
             .ignore_degrees = true,
             .complex_values = true}) {}

Judgement CompatibleComparison::operator()(Arena& arena, Expr gold, Expr answer, Fuel& fuel) const {
  if (!gold || !answer)
    return {Verdict::Unparsed, !gold ? "the gold answer has no expression" : "the answer has no expression"};
  return detail::CompatibleEquality(options_, zero_, arena, fuel)(gold, answer, true);
}

}  // namespace grove::math
