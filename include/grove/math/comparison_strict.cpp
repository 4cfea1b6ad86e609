// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/math/answer_form.hpp"
#include "grove/math/comparison.hpp"
#include "grove/math/real_set.hpp"
#include "grove/math/rewrite.hpp"
#include "grove/math/traits.hpp"

namespace grove::math {

namespace {

using detail::RealSet;

class Strict {
 public:
  Strict(StrictComparison::Options const& options, ZeroTest const& zero, Arena& arena, Fuel& fuel)
      : options_(options), zero_(zero), arena_(arena), fuel_(fuel) {}

  Judgement answers(Expr gold, Expr answer) {
    if (same_structure(arena_, gold, answer)) return {Verdict::Equal, "written alike"};
    if (!options_.units_ignored && arena_.is(gold, Kind::Unit) && arena_.is(answer, Kind::Unit) &&
        arena_.name(gold) != arena_.name(answer)) {
      return {Verdict::Different, "different units"};
    }
    if (is_relation(gold) && is_relation(answer)) {
      Judgement const verdict = relations(gold, answer);
      if (verdict.equal()) return verdict;
    }
    detail::AnswerForm form(arena_, zero_, fuel_, options_.lists_ordered);
    Expr const a = form(gold);
    Expr const b = form(answer);
    if (!a || !b) return {Verdict::Unknown, "too large"};
    return compare(a, b);
  }

 private:
  [[nodiscard]] bool is_relation(Expr e) const { return arena_.is(e, Kind::Relation); }

  [[nodiscard]] bool is_words(Expr e) const { return arena_.is(e, Kind::Text) || arena_.is(e, Kind::Choice); }

  /// Intervals, unions, conditions: what may be a set of real numbers.
  [[nodiscard]] bool is_region(Expr e) const {
    switch (arena_.kind(e)) {
      case Kind::Interval:
      case Kind::Union:
      case Kind::Intersection:
      case Kind::Difference:
      case Kind::And:
      case Kind::Or:
      case Kind::Not:
        return true;
      case Kind::Relation:
        return arena_.relation_of(e) != RelationType::Equal;
      case Kind::Constant:
        return arena_.is(e, Constant::Reals) || arena_.is(e, Constant::EmptySet);
      default:
        return false;
    }
  }

  Judgement compare(Expr a, Expr b) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
    if (!fuel_.spend(1)) return {Verdict::Unknown, "the budget of work was spent"};
    if (arena_.is_numeral(a) && arena_.is_numeral(b)) return zero_.equal(arena_, a, b, fuel_);
    if (same_structure(arena_, a, b)) return {Verdict::Equal, "written alike"};
    if (is_words(a) || is_words(b)) return words(a, b);
    if (is_region(a) || is_region(b)) return regions(a, b);
    if (arena_.is(a, Kind::Set) || arena_.is(b, Kind::Set)) return sets(a, b);
    if (arena_.is(a, Kind::Tuple) || arena_.is(b, Kind::Tuple) || arena_.is(a, Kind::Matrix) ||
        arena_.is(b, Kind::Matrix))
      return arrays(a, b);
    if (is_relation(a) && is_relation(b)) return relations(a, b);
    if (is_relation(a) || is_relation(b)) return {Verdict::Different, "an equation and a value"};
    return zero_.equal(arena_, a, b, fuel_);
  }

  Judgement words(Expr a, Expr b) {
    auto const text = [&](Expr e) {
      return is_words(e) ? detail::plain_words(arena_.name(e)) : detail::plain_words(detail::letters(arena_, e));
    };
    std::string const x = text(a);
    std::string const y = text(b);
    if (x.empty() || y.empty()) return {Verdict::Different, "words and something else"};
    return x == y ? Judgement{Verdict::Equal, "the same words"} : Judgement{Verdict::Different, "different words"};
  }

  /// A list between commas such as `x < 1, x > 2` may mean "or" as well as "and": "or", unless everything satisfies
  /// that.
  std::optional<RealSet> region(Expr e) {
    auto set = RealSet::of(arena_, zero_, e, fuel_);
    if (!set || !arena_.is(e, Kind::Or) || arena_.extra(e) == 1) return set;
    auto const& pieces = set->pieces();
    bool const everything = pieces.size() == 1 && pieces[0].from_open && pieces[0].to_open &&
                            !arena_.is_numeral(pieces[0].from) && !arena_.is_numeral(pieces[0].to);
    if (!everything) return set;
    Expr const both = arena_.node(Kind::And, arena_.children(e));
    auto narrower = RealSet::of(arena_, zero_, both, fuel_);
    return narrower ? narrower : set;
  }

  Judgement regions(Expr a, Expr b) {  // NOLINT(misc-no-recursion)
    auto const x = region(a);
    auto const y = x ? region(b) : std::nullopt;
    if (x && y) {
      auto const same = RealSet::same(arena_, zero_, *x, *y, fuel_);
      if (!same) return {Verdict::Unknown, "the ends of the sets cannot be told apart"};
      return *same ? Judgement{Verdict::Equal, "the same set of real numbers"}
                   : Judgement{Verdict::Different, "different sets of real numbers"};
    }
    if (is_relation(a) && is_relation(b)) return relations(a, b);
    if (arena_.kind(a) != arena_.kind(b)) return {Verdict::Different, "a set or condition and something else"};
    if (arena_.detail(a) != arena_.detail(b)) return {Verdict::Different, "different ends"};
    auto const p = arena_.children(a);
    auto const q = arena_.children(b);
    bool const ordered = arena_.is(a, Kind::Interval) || arena_.is(a, Kind::Difference);
    return ordered ? elementwise(p, q) : matching(p, q);
  }

  Judgement sets(Expr a, Expr b) {  // NOLINT(misc-no-recursion)
    Expr const one[] = {a};
    Expr const other[] = {b};
    return matching(arena_.is(a, Kind::Set) ? arena_.children(a) : one,
                    arena_.is(b, Kind::Set) ? arena_.children(b) : other);
  }

  /// Has each of a an equal in b, and each of b in a?
  Judgement matching(std::span<Expr const> a, std::span<Expr const> b) {  // NOLINT(misc-no-recursion)
    std::vector<bool> met(b.size(), false);
    bool unknown = false;
    for (std::size_t n = 0; n < a.size(); ++n) {
      bool found = false;
      for (std::size_t i = 0; i < b.size() && !fuel_.empty(); ++i) {
        // Lists are mostly in the same order: begin there.
        std::size_t const k = (n + i) % b.size();
        Judgement const verdict = compare(a[n], b[k]);
        unknown = unknown || verdict.verdict == Verdict::Unknown;
        if (!verdict.equal()) continue;
        met[k] = found = true;
        break;
      }
      if (!found)
        return unknown || fuel_.empty() ? Judgement{Verdict::Unknown, "an element cannot be decided"}
                                        : Judgement{Verdict::Different, "an element is missing"};
    }
    for (std::size_t k = 0; k < b.size(); ++k) {
      if (met[k]) continue;
      bool const found = std::any_of(a.begin(), a.end(), [&](Expr x) { return compare(x, b[k]).equal(); });
      if (!found) return {Verdict::Different, "there is an element more"};
    }
    return {Verdict::Equal, "the same elements"};
  }

  Judgement elementwise(std::span<Expr const> a, std::span<Expr const> b) {  // NOLINT(misc-no-recursion)
    if (a.size() != b.size()) return {Verdict::Different, "different numbers of elements"};
    Judgement result{Verdict::Equal, "the same elements in order"};
    for (std::size_t i = 0; i < a.size(); ++i) {
      Judgement const verdict = compare(a[i], b[i]);
      if (verdict.different()) return {Verdict::Different, "an element differs"};
      if (!verdict.equal()) result = verdict;
    }
    return result;
  }

  [[nodiscard]] bool contains_matrix(Expr e) const { return detail::contains(arena_, e, Kind::Matrix); }

  Judgement arrays(Expr a, Expr b) {  // NOLINT(misc-no-recursion)
    auto const is_array = [&](Expr e) { return arena_.is(e, Kind::Tuple) || arena_.is(e, Kind::Matrix); };
    if (!is_array(a) || !is_array(b)) {
      bool const matrix = contains_matrix(a) && contains_matrix(b);
      return matrix ? Judgement{Verdict::Unknown, "a matrix that is not worked out"}
                    : Judgement{Verdict::Different, "several numbers and one"};
    }
    if (arena_.kind(a) != arena_.kind(b)) return {Verdict::Different, "a tuple and a matrix"};
    if (arena_.is(a, Kind::Matrix) && arena_.extra(a) != arena_.extra(b))
      return {Verdict::Different, "different shapes"};
    return elementwise(arena_.children(a), arena_.children(b));
  }

  Judgement relations(Expr a, Expr b) {  // NOLINT(misc-no-recursion)
    RelationType const x = arena_.relation_of(a);
    RelationType const y = arena_.relation_of(b);
    bool const turned = x != y && detail::flipped(x) == y;
    if (x != y && !turned) return {Verdict::Different, "different kinds of relation"};
    bool const symmetric = x == RelationType::Equal || x == RelationType::NotEqual;
    if (!symmetric && !detail::is_inequality(x)) return elementwise(arena_.children(a), arena_.children(b));
    detail::Traits traits;
    for (Expr const relation : {a, b}) {
      for (Expr const side : arena_.children(relation)) traits.gather(arena_, side);
    }
    if (traits.free.empty()) return statements(a, b, turned);
    auto const factor = zero_.proportional(arena_, detail::difference(arena_, a), detail::difference(arena_, b), fuel_);
    if (!factor) return {Verdict::Unknown, "the relations cannot be compared"};
    if (*factor == 0) return {Verdict::Different, "their sides do not differ by one constant factor"};
    if (!symmetric && (*factor < 0) != turned) return {Verdict::Different, "opposite directions"};
    return {Verdict::Equal, "the same relation up to a constant factor"};
  }

  /// Relations without variables: their sides must be alike.
  Judgement statements(Expr a, Expr b, bool turned) {  // NOLINT(misc-no-recursion)
    auto const p = arena_.children(a);
    auto const q = arena_.children(b);
    Expr const swapped[] = {q[1], q[0]};
    bool const symmetric =
        arena_.relation_of(a) == RelationType::Equal || arena_.relation_of(a) == RelationType::NotEqual;
    Judgement const straight = turned ? Judgement{} : elementwise(p, q);
    if (straight.equal() || !(turned || symmetric)) return straight;
    return elementwise(p, swapped);
  }

  StrictComparison::Options const& options_;
  ZeroTest const& zero_;
  Arena& arena_;
  Fuel& fuel_;
};

}  // namespace

StrictComparison::StrictComparison(Options options)
    : options_(options), zero_({.roots = RootConvention::Real, .degrees_as_numbers = options.degrees_as_numbers}) {}

Judgement StrictComparison::operator()(Arena& arena, Expr gold, Expr answer, Fuel& fuel) const {
  if (!gold || !answer)
    return {Verdict::Unparsed, !gold ? "the gold answer has no expression" : "the answer has no expression"};
  if (arena.is_numeral(gold) && arena.is_numeral(answer)) return zero_.equal(arena, gold, answer, fuel);
  return Strict(options_, zero_, arena, fuel).answers(gold, answer);
}

}  // namespace grove::math
