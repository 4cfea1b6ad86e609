// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/math/evaluate.hpp"
#include "grove/math/traits.hpp"
#include "grove/math/zero_test.hpp"

namespace grove::math {

namespace {

using detail::Calculator;
using detail::Evaluator;
using detail::Point;
using detail::Real;
using detail::Value;

constexpr mpfr_prec_t precision = 192;
constexpr long agreement = 90;
constexpr int points_wanted = 6;

bool apart(Real const& a, Real const& b) {
  if (a.exact() != nullptr && b.exact() != nullptr) return !(*a.exact() == *b.exact());
  return a.interval(precision).disjoint(b.interval(precision));
}

bool apart(Value const& a, Value const& b) { return apart(a.re, b.re) || apart(a.im, b.im); }

bool surely_zero(Value const& x) { return x.re.is(0) && x.im.is(0); }

/// As near as numbers of `size` (log2) are told apart: of a ratio that nothing is known of but that it is tiny, all
/// others that are would be near.
bool near(Real const& a, Real const& b, long size) {
  if (a.exact() != nullptr && b.exact() != nullptr) return true;
  return (a.interval(precision) - b.interval(precision)).width() <= size - agreement;
}

bool near(Value const& a, Value const& b) {
  auto const size = std::max(a.re.interval(precision).magnitude(), a.im.interval(precision).magnitude());
  return near(a.re, b.re, size) && near(a.im, b.im, size);
}

}  // namespace

std::optional<int> ZeroTest::proportional(Arena const& arena, Expr a, Expr b, Fuel& fuel) const {
  if (!a || !b) return std::nullopt;
  detail::Traits traits;
  traits.gather(arena, a);
  traits.gather(arena, b);
  if (!traits.scalar) return std::nullopt;
  std::optional<Value> first, first_x;
  int agreeing = 0;
  bool moved = false;  // two that are the same everywhere have every factor that constants have
  for (std::uint64_t number = 0; number < 10 && agreeing < points_wanted && !fuel.empty(); ++number) {
    Calculator calculator(precision, options_.roots, fuel);
    Evaluator evaluate(arena, calculator, options_,
                       Point{.number = number, .mixed_signs = number % 2 == 1, .whole = &traits.whole});
    Value const x = evaluate(a);
    std::uint64_t const opaque = evaluate.opaque();
    Value const y = evaluate(b);
    if (!x.finite() || !y.finite()) continue;
    bool const comparable = evaluate.opaque() == 2 * opaque;
    if (surely_zero(x) != surely_zero(y)) return comparable ? std::optional(0) : std::nullopt;
    Value const ratio = calculator.multiply(x, calculator.invert(y));
    if (!ratio.finite()) continue;
    if (!first) {
      first = ratio;
      first_x = x;
      ++agreeing;
      continue;
    }
    if (apart(ratio, *first)) return comparable ? std::optional(0) : std::nullopt;
    if (near(ratio, *first)) ++agreeing;
    moved = moved || apart(x, *first_x);
  }
  if (agreeing < points_wanted || !moved) return std::nullopt;
  return first->real() ? first->re.sign().value_or(1) : 1;
}

}  // namespace grove::math
