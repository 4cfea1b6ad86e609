// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "grove/math/compatible_equality.hpp"
#include "grove/math/real_set.hpp"
#include "grove/math/rewrite.hpp"
#include "grove/math/traits.hpp"

namespace grove::math::detail {

namespace {

constexpr double bits_per_digit = 3.321928094887362;
constexpr std::size_t most_compared = 512;  // elements of a list among which repeated ones are looked for
constexpr std::size_t comparisons_a_unit = 8;

/// A number without the percent sign it may be written with.
Expr bare(Arena const& arena, Expr e) { return arena.is(e, Kind::Percent) ? arena.child(e, 0) : e; }

bool is_atomic(Arena const& arena, Expr e) {
  Expr const x = bare(arena, e);
  if (arena.is(x, Kind::Multiply) && arena.size(x) == 2 && arena.is(arena.child(x, 1), Constant::Infinity)) return true;
  return arena.is_numeral(x) || arena.is(x, Constant::Infinity) || arena.is(x, Kind::Based);
}

bool is_float(Arena const& arena, Expr e) { return arena.is(bare(arena, e), Kind::Decimal); }

bool is_integer(Arena const& arena, Expr e) {
  Expr const x = bare(arena, e);
  return arena.is(x, Kind::Number) && arena.value(x).is_integer();
}

}  // namespace

/// Elements in the order written, without those that are repeated.
std::vector<Expr> CompatibleEquality::elements(Expr e) {
  if (!is_finite_set(e) && !arena_.is(e, Kind::Tuple)) {
    if (is_open_interval(e)) return {arena_.child(e, 0), arena_.child(e, 1)};
    return {e};
  }
  std::vector<Expr> items;
  std::size_t const pairs = arena_.size(e) * arena_.size(e) / 2;
  bool const short_enough =
      arena_.size(e) <= most_compared && fuel_.spend(static_cast<std::int64_t>(pairs / comparisons_a_unit));
  for (Expr const part : arena_.children(e)) {
    bool const repeated = is_finite_set(e) && short_enough && std::any_of(items.begin(), items.end(), [&](Expr other) {
                            return same_structure(arena_, part, other);
                          });
    // A list within a list stands for a tuple: p = 5, q = 2; p = 7, q = 2.
    if (!repeated)
      items.push_back(
          arena_.is(part, Kind::List) && is_finite_set(e) ? arena_.tuple(arena_.children(part), Bracket::None) : part);
  }
  return items;
}

Judgement CompatibleEquality::sets(Expr gold, Expr answer) {  // NOLINT(misc-no-recursion)
  bool const plain_gold = is_finite_set(gold) || arena_.is(gold, Kind::Tuple);
  bool const plain_answer = is_finite_set(answer) || arena_.is(answer, Kind::Tuple);
  if (arena_.is(gold, Kind::Interval) && arena_.is(answer, Kind::Interval)) {
    if (arena_.detail(gold) != arena_.detail(answer)) return {Verdict::Different, "different ends"};
    return in_order(arena_.children(gold), arena_.children(answer));
  }
  if (is_relation(gold) || is_relation(answer)) {
    if (!plain_gold && !plain_answer) return {Verdict::Different, "a relation and a set"};
  } else if (!plain_gold || !plain_answer) {
    if (is_region(gold) || is_region(answer)) {
      // An interval with two open ends is what (a, b) is read as.
      if (is_open_interval(gold) && is_open_interval(answer))
        return in_order(arena_.children(gold), arena_.children(answer));
      auto const a = RealSet::of(arena_, zero_, gold, fuel_);
      auto const b = a ? RealSet::of(arena_, zero_, answer, fuel_) : std::nullopt;
      if (a && b && RealSet::same(arena_, zero_, *a, *b, fuel_).value_or(false))
        return {Verdict::Equal, "the same set of real numbers"};
      bool const two_as_pair = is_open_interval(gold) || is_open_interval(answer);
      if (!two_as_pair || (is_region(gold) && is_region(answer))) return {Verdict::Different, "different sets"};
    }
  }
  auto const a = elements(gold);
  auto const b = elements(answer);
  if (a.size() != b.size()) return {Verdict::Different, "different numbers of elements"};
  if (std::any_of(a.begin(), a.end(), [](Expr e) { return !e; }) ||
      std::any_of(b.begin(), b.end(), [](Expr e) { return !e; })) {
    return {Verdict::Unknown, "too large"};
  }
  bool const single = a.size() == 1;
  // A single value stands for the set of it, but not for an interval or union.
  if (single && (is_region(a[0]) || is_region(b[0])) && (!plain_gold || !plain_answer))
    return {Verdict::Different, "a set and a value"};
  return is_finite_set(gold) ? matching(a, b) : in_order(a, b);
}

Judgement CompatibleEquality::matching(std::vector<Expr> const& gold,
                                       std::vector<Expr> const& answer) {  // NOLINT(misc-no-recursion)
  std::vector<bool> taken(answer.size(), false);
  for (std::size_t i = 0; i < gold.size(); ++i) {
    bool found = false;
    for (std::size_t n = 0; n < answer.size() && !found && !fuel_.empty(); ++n) {
      std::size_t const k = (i + n) % answer.size();
      if (taken[k] || !(*this)(gold[i], answer[k], false).equal()) continue;
      taken[k] = found = true;
    }
    if (!found)
      return fuel_.empty() ? Judgement{Verdict::Unknown, "the budget of work was spent"}
                           : Judgement{Verdict::Different, "an element is missing"};
  }
  return {Verdict::Equal, "the same elements"};
}

Judgement CompatibleEquality::in_order(std::span<Expr const> gold,
                                       std::span<Expr const> answer) {  // NOLINT(misc-no-recursion)
  if (gold.size() != answer.size()) return {Verdict::Different, "different numbers of elements"};
  for (std::size_t i = 0; i < gold.size(); ++i) {
    Judgement const verdict = (*this)(gold[i], answer[i], false);
    if (!verdict.equal()) return {verdict.verdict, "an element differs"};
  }
  return {Verdict::Equal, "the same elements in order"};
}

Judgement CompatibleEquality::symbols(Expr gold, Expr answer) {
  auto const spelled = [&](Expr e) {
    return arena_.is(e, Kind::Symbol) || arena_.is(e, Kind::Multiply) || arena_.is(e, Constant::E)
               ? plain_words(letters(arena_, e))
               : std::string();
  };
  std::string const x = spelled(gold);
  std::string const y = spelled(answer);
  if (arena_.is(gold, Kind::Symbol) && arena_.is(answer, Kind::Symbol)) {
    auto const lowered = [](std::string_view text) {
      std::string lower(text);
      if (lower.size() > 1)
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      return lower;
    };
    return lowered(arena_.name(gold)) == lowered(arena_.name(answer))
               ? Judgement{Verdict::Equal, "the same name"}
               : Judgement{Verdict::Different, "different names"};
  }
  if (!x.empty() && x == y) return {Verdict::Equal, "the same letters"};
  // \text{12} is a name that looks like a number.
  if (arena_.is(gold, Kind::Number) || arena_.is(answer, Kind::Number)) {
    if (to_string(arena_, gold) == to_string(arena_, answer)) return {Verdict::Equal, "written alike"};
  }
  return {Verdict::Different, "a name and something else"};
}

std::optional<Rational> CompatibleEquality::rounded(Expr e) {
  if (auto const exact = zero_.rational(arena_, e, fuel_)) return exact->round(options_.float_rounding);
  auto const value = zero_.approximate(arena_, e, fuel_);
  if (!value) return std::nullopt;
  double const scaled = *value * std::pow(10.0, options_.float_rounding);
  if (!(std::abs(scaled) < 9e15)) return std::nullopt;
  Rational const scale = Rational::integer_power(10, static_cast<std::uint32_t>(std::abs(options_.float_rounding)));
  Rational const whole(static_cast<std::int64_t>(std::nearbyint(scaled)));
  return options_.float_rounding >= 0 ? whole / scale : whole * scale;
}

/// A number with a point is rounded; a whole number without one is not the same as its rounding.
std::optional<bool> CompatibleEquality::rounded_alike(Expr gold, Expr answer) {
  auto const whole = [&](Expr e) {
    if (contains(arena_, e, Kind::Decimal)) return false;
    auto const exact = zero_.rational(arena_, e, fuel_);
    return exact && exact->is_integer();
  };
  if (whole(gold) || whole(answer)) return std::nullopt;
  auto const x = rounded(gold);
  auto const y = rounded(answer);
  if (!x || !y) return std::nullopt;
  return *x == *y;
}

Judgement CompatibleEquality::numbers(Expr gold, Expr answer) {
  if (is_atomic(arena_, gold) || is_atomic(arena_, answer)) {
    if (is_float(arena_, gold) || is_float(arena_, answer)) {
      if (rounded_alike(gold, answer).value_or(false)) return {Verdict::Equal, "the same after rounding"};
    } else if (is_integer(arena_, gold) && is_integer(arena_, answer)) {
      if (arena_.value(bare(arena_, gold)) == arena_.value(bare(arena_, answer)))
        return {Verdict::Equal, "the same whole number"};
      if (arena_.kind(gold) == arena_.kind(answer)) return {Verdict::Different, "different whole numbers"};
    }
  } else {
    Traits traits;
    traits.gather(arena_, gold);
    traits.gather(arena_, answer);
    if (traits.scalar && traits.free.empty()) {
      // What is smaller than the precision counts as nothing.
      double const tiny = std::exp2(-std::round((options_.numeric_precision + 1) * bits_per_digit) - 1);
      auto const difference = zero_.approximate(arena_, arena_.subtract(gold, answer), fuel_);
      if (difference && std::abs(*difference) < tiny) return {Verdict::Equal, "the same to the precision asked for"};
    }
  }
  return zero_.equal(arena_, gold, answer, fuel_);
}

Judgement CompatibleEquality::matrices(Expr gold, Expr answer) {  // NOLINT(misc-no-recursion)
  if (arena_.kind(gold) != arena_.kind(answer)) return {Verdict::Different, "a matrix and something else"};
  if (arena_.extra(gold) != arena_.extra(answer) || arena_.size(gold) != arena_.size(answer))
    return {Verdict::Different, "different shapes"};
  auto const a = arena_.children(gold);
  auto const b = arena_.children(answer);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (same_structure(arena_, a[i], b[i])) continue;
    if (Judgement const verdict = numbers(a[i], b[i]); !verdict.equal()) return {verdict.verdict, "an entry differs"};
  }
  return {Verdict::Equal, "the same entries"};
}

}  // namespace grove::math::detail
