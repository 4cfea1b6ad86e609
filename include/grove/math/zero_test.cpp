// SPDX-License-Identifier: Apache-2.0
#include "grove/math/zero_test.hpp"

#include <algorithm>
#include <array>

#include "grove/math/evaluate.hpp"
#include "grove/math/modular.hpp"
#include "grove/math/traits.hpp"

namespace grove::math {

namespace {

using detail::Calculator;
using detail::Evaluator;
using detail::Interval;
using detail::ModularEvaluator;
using detail::Point;
using detail::Real;
using detail::Traits;
using detail::Value;

constexpr mpfr_prec_t quick_bits = 64;     // enough to tell most different numbers apart
constexpr long agreement_bits = 256;       // of two constants, beyond the scale of their written numbers
constexpr long point_agreement_bits = 90;  // of two functions at one point
constexpr long most_bits = 4096;
constexpr int points_wanted = 3;
constexpr std::uint64_t first_mixed_point = 1000;

enum class Relation : std::uint8_t { Same, Apart, Near, NoValue, OneValue };

/// Do two real enclosures agree to so many bits, both absolutely and in proportion?
bool agree(Real const& a, Real const& b, mpfr_prec_t precision, long bits) {
  Interval const x = a.interval(precision);
  Interval const y = b.interval(precision);
  long const magnitude = std::max(x.magnitude(), y.magnitude());
  long const width = (x - y).width();
  return width <= -bits && (width <= magnitude - bits || magnitude < -bits);
}

bool apart(Real const& a, Real const& b, mpfr_prec_t precision) {
  if (a.exact() != nullptr && b.exact() != nullptr) return !(*a.exact() == *b.exact());
  return a.interval(precision).disjoint(b.interval(precision));
}

Relation relate(Value const& a, Value const& b, mpfr_prec_t precision, long bits) {
  using State = Value::State;
  if (a.state == State::Undecided || b.state == State::Undecided) return Relation::NoValue;
  if (a.state == State::Undefined || b.state == State::Undefined) {
    return a.state == b.state ? Relation::NoValue : Relation::OneValue;
  }
  if (a.state != b.state) return Relation::Apart;
  if (apart(a.re, b.re, precision) || apart(a.im, b.im, precision)) return Relation::Apart;
  if (a.state == State::Infinite) return Relation::Same;
  auto const same = [&](Real const& x, Real const& y) {
    return (x.exact() != nullptr && y.exact() != nullptr) || agree(x, y, precision, bits);
  };
  return same(a.re, b.re) && same(a.im, b.im) ? Relation::Same : Relation::Near;
}

/// One question, answered in steps from cheap to dear.
class Question {
 public:
  Question(Arena const& arena, ZeroTestOptions const& options, Expr a, Expr b, Fuel& fuel)
      : arena_(arena), options_(options), a_(a), b_(b), fuel_(fuel) {
    traits_.gather(arena, a);
    traits_.gather(arena, b);
  }

  Judgement answer() {
    if (!traits_.scalar) return {Verdict::Unknown, "not both are numbers or functions"};
    if (!fuel_.spend(static_cast<std::int64_t>(traits_.weight))) return out_of_fuel();
    return traits_.free.empty() ? constants() : functions();
  }

 private:
  static Judgement out_of_fuel() { return {Verdict::Unknown, "the budget of work was spent"}; }

  [[nodiscard]] long scale() const { return static_cast<long>(std::min<std::uint64_t>(traits_.scale, most_bits / 2)); }

  Relation at(Point const& point, mpfr_prec_t precision, long bits, bool real_only) {
    Calculator calculator(precision, options_.roots, fuel_);
    Evaluator evaluate(arena_, calculator, options_, point);
    Value const x = evaluate(a_);
    if (!x.finite() && !point_free()) return Relation::NoValue;
    std::uint64_t const opaque = evaluate.opaque();
    Value const y = evaluate(b_);
    bool const comparable = evaluate.opaque() == 2 * opaque;
    huge_ = x.finite() && x.re.exact() == nullptr && x.re.interval(precision).magnitude() > most_bits;
    if (real_only && (!x.real() || !y.real())) return Relation::NoValue;
    Relation const relation = relate(x, y, precision, bits);
    return relation == Relation::Same || comparable ? relation : Relation::NoValue;
  }

  [[nodiscard]] bool point_free() const { return traits_.free.empty(); }

  Judgement constants() {
    Point const nowhere;
    for (mpfr_prec_t const precision :
         {quick_bits, static_cast<mpfr_prec_t>(agreement_bits + 64 + scale()), static_cast<mpfr_prec_t>(most_bits)}) {
      Relation const relation =
          at(nowhere, precision, agreement_bits + (precision > most_bits / 2 ? 0 : scale()), false);
      if (fuel_.empty()) return out_of_fuel();
      if (relation == Relation::Same) return {Verdict::Equal, "the same number"};
      if (relation == Relation::Apart) return {Verdict::Different, "different numbers"};
      if (relation == Relation::OneValue) return {Verdict::Different, "one of them has no value"};
      if (huge_ || relation == Relation::NoValue) {
        if (auto verdict = without_common_terms()) return *verdict;
        if (huge_) break;
      }
    }
    return {Verdict::Unknown, "the numbers cannot be told apart, nor proved equal"};
  }

  /// a + c against b + c, where the terms c are written alike.
  std::optional<Judgement> without_common_terms() {
    std::vector<Expr> left = terms(a_);
    std::vector<Expr> right = terms(b_);
    std::size_t const before = left.size();
    std::erase_if(left, [&](Expr term) {
      auto const twin =
          std::find_if(right.begin(), right.end(), [&](Expr other) { return same_structure(arena_, term, other); });
      if (twin == right.end()) return false;
      right.erase(twin);
      return true;
    });
    if (left.size() == before) return std::nullopt;
    Calculator calculator(quick_bits, options_.roots, fuel_);
    Evaluator evaluate(arena_, calculator, options_, Point{});
    Value x{Real(0)};
    Value y{Real(0)};
    for (Expr const term : left) x = calculator.add(x, evaluate(term));
    for (Expr const term : right) y = calculator.add(y, evaluate(term));
    switch (relate(x, y, quick_bits, agreement_bits)) {
      case Relation::Same:
        return Judgement{Verdict::Equal, "equal beside common terms"};
      case Relation::Apart:
        return Judgement{Verdict::Different, "different beside common terms"};
      default:
        return std::nullopt;
    }
  }

  [[nodiscard]] std::vector<Expr> terms(Expr e) const {
    if (!arena_.is(e, Kind::Add)) return {e};
    auto const parts = arena_.children(e);
    return {parts.begin(), parts.end()};
  }

  Judgement functions() {
    int modular = 0;
    if (traits_.rational) {
      // Two primes, so that no one coefficient vanishes modulo all.
      for (std::uint64_t const point : {1U, 2U, 3U}) {
        std::uint64_t const prime = point == 2 ? ModularEvaluator::second : ModularEvaluator::mersenne;
        ModularEvaluator const evaluate(arena_, prime, point);
        if (!fuel_.spend(static_cast<std::int64_t>(traits_.weight))) return out_of_fuel();
        auto const x = evaluate(a_);
        auto const y = evaluate(b_);
        if (!x || !y) continue;
        if (*x != *y) return {Verdict::Different, "different rational functions"};
        ++modular;
      }
    }
    int const wanted = modular >= 2 ? 1 : points_wanted;
    int valid = 0;
    for (std::uint64_t number = 0; valid < wanted && number < 8; ++number) {
      switch (compare_at({.number = number, .whole = &traits_.whole}, false)) {
        case Relation::Same:
          ++valid;
          break;
        case Relation::Apart:
          return {Verdict::Different, "different values at a point"};
        default:
          break;
      }
      if (fuel_.empty()) return out_of_fuel();
    }
    if (valid < wanted) return {Verdict::Unknown, "too few points where both have a value that can be computed"};
    if (modular >= 2) return {Verdict::Equal, "the same rational function"};
    for (std::uint64_t number = 0; !options_.positive_variables && number < points_wanted; ++number) {
      Point const point{.number = first_mixed_point + number, .mixed_signs = true, .whole = &traits_.whole};
      if (compare_at(point, !options_.complex_values) == Relation::Apart)
        return {Verdict::Different, "different values where a variable is negative"};
      if (fuel_.empty()) return out_of_fuel();
    }
    return {Verdict::Equal, "the same values at several points"};
  }

  Relation compare_at(Point const& point, bool real_only) {
    Relation relation = Relation::NoValue;
    for (mpfr_prec_t const precision :
         {static_cast<mpfr_prec_t>(2 * quick_bits + scale()), static_cast<mpfr_prec_t>(512 + scale())}) {
      relation = at(point, precision, point_agreement_bits + scale(), real_only);
      if (relation != Relation::Near) break;
    }
    return relation;
  }

  Arena const& arena_;
  ZeroTestOptions const& options_;
  Expr a_;
  Expr b_;
  Fuel& fuel_;
  Traits traits_;
  bool huge_ = false;
};

}  // namespace

Judgement ZeroTest::equal(Arena const& arena, Expr a, Expr b, Fuel& fuel) const {
  if (!a || !b) return {Verdict::Unparsed, "there is no expression"};
  if (arena.is_numeral(a) && arena.is_numeral(b)) {
    return arena.value(a) == arena.value(b) ? Judgement{Verdict::Equal, "the same number"}
                                            : Judgement{Verdict::Different, "different numbers"};
  }
  if (same_structure(arena, a, b)) return {Verdict::Equal, "written alike"};
  return Question(arena, options_, a, b, fuel).answer();
}

std::optional<Rational> ZeroTest::rational(Arena const& arena, Expr e, Fuel& fuel) const {
  if (!e) return std::nullopt;
  if (arena.is_numeral(e)) return arena.value(e);
  Traits traits;
  traits.gather(arena, e);
  if (!traits.scalar || !traits.free.empty()) return std::nullopt;
  Calculator calculator(quick_bits, options_.roots, fuel);
  Value const value = Evaluator(arena, calculator, options_, Point{})(e);
  return value.exact() != nullptr ? std::optional(*value.exact()) : std::nullopt;
}

std::optional<int> ZeroTest::sign(Arena const& arena, Expr e, Fuel& fuel) const {
  if (!e) return std::nullopt;
  if (arena.is_numeral(e)) return arena.value(e).sign();
  Traits traits;
  traits.gather(arena, e);
  if (!traits.scalar || !traits.free.empty()) return std::nullopt;
  for (mpfr_prec_t const precision : {quick_bits, mpfr_prec_t{512}}) {
    Calculator calculator(precision, options_.roots, fuel);
    Value const value = Evaluator(arena, calculator, options_, Point{})(e);
    if (value.state == Value::State::Infinite) return value.re.sign();
    if (!value.finite() || !value.real()) continue;
    if (auto const sign = value.re.sign()) return sign;
  }
  return std::nullopt;
}

std::optional<int> ZeroTest::order(Arena const& arena, Expr a, Expr b, Fuel& fuel) const {
  if (!a || !b) return std::nullopt;
  Traits traits;
  traits.gather(arena, a);
  traits.gather(arena, b);
  if (!traits.scalar || !traits.free.empty()) return std::nullopt;
  for (mpfr_prec_t const precision : {quick_bits, mpfr_prec_t{512}}) {
    Calculator calculator(precision, options_.roots, fuel);
    Evaluator evaluate(arena, calculator, options_, Point{});
    Value const x = evaluate(a);
    Value const y = evaluate(b);
    auto const usable = [](Value const& v) { return v.real() && (v.finite() || v.state == Value::State::Infinite); };
    if (!usable(x) || !usable(y)) continue;
    if (!x.finite() || !y.finite()) {
      int const left = x.finite() ? 0 : *x.re.sign();
      int const right = y.finite() ? 0 : *y.re.sign();
      return left < right ? -1 : left > right ? 1 : 0;
    }
    if (x.exact() != nullptr && y.exact() != nullptr)
      return *x.exact() < *y.exact() ? -1 : *y.exact() < *x.exact() ? 1 : 0;
    if (int const order = x.re.interval(precision).compare(y.re.interval(precision)); order != 0) return order;
  }
  if (equal(arena, a, b, fuel).equal()) return 0;
  return std::nullopt;
}

std::optional<double> ZeroTest::approximate(Arena const& arena, Expr e, Fuel& fuel) const {
  if (!e) return std::nullopt;
  if (arena.is_numeral(e)) return arena.value(e).to_double();
  Traits traits;
  traits.gather(arena, e);
  if (!traits.scalar || !traits.free.empty()) return std::nullopt;
  Calculator calculator(2 * quick_bits, options_.roots, fuel);
  Value const value = Evaluator(arena, calculator, options_, Point{})(e);
  if (!value.finite() || !value.real()) return std::nullopt;
  return value.exact() != nullptr ? value.exact()->to_double() : value.re.interval(2 * quick_bits).middle();
}

}  // namespace grove::math
