// SPDX-License-Identifier: Apache-2.0
#include "grove/math/closed_form.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "grove/math/rewrite.hpp"

namespace grove::math::detail {

namespace {

constexpr std::size_t most_coefficients = 17;
constexpr std::int64_t largest_exponent = 32;
constexpr std::uint64_t most_bits = 256;
constexpr std::int64_t work_of_operation = 4;  // one addition and one multiplication of fractions

/// Coefficients from the constant upwards; the last is not 0.
using Polynomial = std::vector<Rational>;

void shorten(Polynomial& p) {
  while (!p.empty() && p.back().is_zero()) p.pop_back();
}

bool within_bounds(Polynomial const& p) {
  return p.size() <= most_coefficients &&
         std::all_of(p.begin(), p.end(), [](Rational const& c) { return c.bits() <= most_bits; });
}

Polynomial add(Polynomial const& a, Polynomial const& b) {
  Polynomial sum(std::max(a.size(), b.size()));
  for (std::size_t i = 0; i < sum.size(); ++i)
    sum[i] = (i < a.size() ? a[i] : Rational()) + (i < b.size() ? b[i] : Rational());
  shorten(sum);
  return sum;
}

Rational value_at(Polynomial const& p, Rational const& x) {
  Rational value;
  for (std::size_t i = p.size(); i-- > 0;) value = value * x + p[i];
  return value;
}

/// p / (x - root), which divides it.
Polynomial deflate(Polynomial const& p, Rational const& root) {
  Polynomial quotient(p.size() - 1);
  Rational carry;
  for (std::size_t i = p.size(); i-- > 1;) quotient[i - 1] = carry = p[i] + carry * root;
  return quotient;
}

/// A quotient of polynomials of one variable.
struct Quotient {
  Polynomial above;
  Polynomial below{Rational(1)};

  [[nodiscard]] bool is_constant() const { return above.size() <= 1 && below.size() == 1; }
  [[nodiscard]] Rational constant() const { return above.empty() ? Rational() : above[0] / below[0]; }
};

/// c r^n.
struct Geometric {
  Rational factor{1};
  Rational ratio{1};
};

std::optional<Rational> power(Rational const& base, std::int64_t exponent) {
  if (std::abs(exponent) > largest_exponent || (exponent < 0 && base.is_zero())) return std::nullopt;
  Rational result(1);
  for (std::int64_t i = 0; i < std::abs(exponent); ++i) {
    result = result * base;
    if (result.bits() > most_bits) return std::nullopt;
  }
  return exponent < 0 ? Rational(1) / result : result;
}

/// Works out one limit, sum or integral over `variable`.
class Exact {
 public:
  Exact(Arena& arena, Fuel& fuel, Expr variable) : arena_(arena), fuel_(fuel), name_(arena.name_id(variable)) {}

  Expr limit(Expr body, Expr point) {
    auto f = quotient(body);
    if (!f || f->above.empty()) return {};
    if (int const side = infinite(point); side != 0) return at_infinity(*f, side);
    auto const at = quotient(point);
    if (!at || !at->is_constant()) return {};
    Rational const x = at->constant();
    while (value_at(f->below, x).is_zero()) {
      if (!value_at(f->above, x).is_zero()) return {};
      f->above = deflate(f->above, x);
      f->below = deflate(f->below, x);
    }
    return arena_.number(value_at(f->above, x) / value_at(f->below, x));
  }

  Expr integral(Expr body, Expr from, Expr to) {
    auto const f = quotient(body);
    auto const a = quotient(from);
    auto const b = quotient(to);
    if (!f || !a || !b || f->below.size() != 1 || !a->is_constant() || !b->is_constant()) return {};
    Polynomial whole(1);
    for (std::size_t i = 0; i < f->above.size(); ++i)
      whole.push_back(f->above[i] / (f->below[0] * Rational(static_cast<std::int64_t>(i + 1))));
    if (a->constant().bits() > most_bits / 8 || b->constant().bits() > most_bits / 8) return {};
    return arena_.number(value_at(whole, b->constant()) - value_at(whole, a->constant()));
  }

  Expr sum(Expr body, Expr from) {
    auto const start = quotient(from);
    if (!start || !start->is_constant()) return {};
    auto const first = start->constant().as_int64();
    if (!first) return {};
    Expr const one[] = {body};
    Rational total;
    for (Expr const term : arena_.is(body, Kind::Add) ? arena_.children(body) : one) {
      auto const series = geometric(term);
      if (!series) return {};
      Rational const size = series->ratio.sign() < 0 ? -series->ratio : series->ratio;
      auto const begin = power(series->ratio, *first);
      if (!begin || !(size < Rational(1))) return {};
      total = total + series->factor * *begin / (Rational(1) - series->ratio);
    }
    return total.bits() <= most_bits ? arena_.number(total) : Expr{};
  }

  /// 1 for infinity, -1 for its negative, 0 for everything else.
  int infinite(Expr e) const {
    if (arena_.is(e, Constant::Infinity)) return 1;
    bool const negative = arena_.is(e, Kind::Multiply) && arena_.size(e) == 2 &&
                          arena_.is(arena_.child(e, 0), Kind::Number) &&
                          arena_.value(arena_.child(e, 0)) == Rational(-1);
    return negative && arena_.is(arena_.child(e, 1), Constant::Infinity) ? -1 : 0;
  }

 private:
  Expr at_infinity(Quotient const& f, int side) {
    Rational const lead = f.above.back() / f.below.back();
    if (f.above.size() < f.below.size()) return arena_.number(0);
    if (f.above.size() == f.below.size()) return arena_.number(lead);
    bool const odd = (f.above.size() - f.below.size()) % 2 == 1;
    Expr const infinity = arena_.constant(Constant::Infinity);
    return (lead.sign() > 0) == (side > 0 || !odd) ? infinity : arena_.negate(infinity);
  }

  /// Nothing within the budget that is left: an empty product, which a caller sees by the budget.
  Polynomial multiply(Polynomial const& a, Polynomial const& b) {
    if (a.empty() || b.empty() || !pay(a.size() * b.size())) return {};
    Polynomial product(a.size() + b.size() - 1);
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < b.size(); ++j) product[i + j] = product[i + j] + a[i] * b[j];
    shorten(product);
    return product;
  }

  bool pay(std::size_t operations) { return fuel_.spend(work_of_operation * static_cast<std::int64_t>(operations)); }

  std::optional<Quotient> quotient(Expr e) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
    std::optional<Quotient> value = unbounded(e);
    if (!value || fuel_.empty() || !within_bounds(value->above) || !within_bounds(value->below)) return std::nullopt;
    return value;
  }

  std::optional<Quotient> unbounded(Expr e) {  // NOLINT(misc-no-recursion)
    auto const parts = arena_.children(e);
    switch (arena_.kind(e)) {
      case Kind::Number:
      case Kind::Decimal: {
        Quotient constant{.above = {arena_.value(e)}};
        shorten(constant.above);
        return constant;
      }
      case Kind::Symbol:
        if (arena_.name_id(e) != name_) return std::nullopt;
        return Quotient{.above = {Rational(0), Rational(1)}};
      case Kind::Add: {
        Quotient sum;
        for (Expr const part : parts) {
          auto const term = quotient(part);
          if (!term) return std::nullopt;
          sum.above = add(multiply(sum.above, term->below), multiply(term->above, sum.below));
          sum.below = multiply(sum.below, term->below);
          if (!within_bounds(sum.above) || !within_bounds(sum.below)) return std::nullopt;
        }
        return sum;
      }
      case Kind::Multiply: {
        Quotient product{.above = {Rational(1)}};
        for (Expr const part : parts)
          if (!times(product, quotient(part))) return std::nullopt;
        return product;
      }
      case Kind::Power:
        return raised(e);
      default:
        return std::nullopt;
    }
  }

  bool times(Quotient& product, std::optional<Quotient> const& by) {
    if (!by) return false;
    product.above = multiply(product.above, by->above);
    product.below = multiply(product.below, by->below);
    return !fuel_.empty() && within_bounds(product.above) && within_bounds(product.below);
  }

  std::optional<Quotient> raised(Expr e) {  // NOLINT(misc-no-recursion)
    Expr const exponent = arena_.child(e, 1);
    auto const n = arena_.is(exponent, Kind::Number) ? arena_.value(exponent).as_int64() : std::nullopt;
    if (!n || std::abs(*n) > largest_exponent) return std::nullopt;
    auto base = quotient(arena_.child(e, 0));
    if (!base) return std::nullopt;
    if (*n <= 0) {
      if (base->above.empty()) return std::nullopt;
      std::swap(base->above, base->below);
    }
    Quotient result{.above = {Rational(1)}};
    for (std::int64_t i = 0; i < std::abs(*n); ++i)
      if (!times(result, base)) return std::nullopt;
    return result;
  }

  /// e as c r^n with n the variable.
  std::optional<Geometric> geometric(Expr e) {  // NOLINT(misc-no-recursion)
    switch (arena_.kind(e)) {
      case Kind::Number:
      case Kind::Decimal:
        return arena_.value(e).bits() <= most_bits ? std::optional(Geometric{arena_.value(e), Rational(1)})
                                                   : std::nullopt;
      case Kind::Multiply: {
        Geometric product;
        for (Expr const part : arena_.children(e)) {
          auto const factor = geometric(part);
          if (!factor || !pay(1)) return std::nullopt;
          product.factor = product.factor * factor->factor;
          product.ratio = product.ratio * factor->ratio;
          if (product.factor.bits() > most_bits || product.ratio.bits() > most_bits) return std::nullopt;
        }
        return product;
      }
      case Kind::Power: {
        auto const base = geometric(arena_.child(e, 0));
        auto const exponent = quotient(arena_.child(e, 1));
        if (!base || !exponent || exponent->below.size() != 1 || exponent->above.size() > 2) return std::nullopt;
        auto const coefficient = [&](std::size_t i) {
          return i < exponent->above.size() ? (exponent->above[i] / exponent->below[0]).as_int64() : 0;
        };
        auto const constant = coefficient(0);
        auto const slope = coefficient(1);
        if (!constant || !slope) return std::nullopt;
        bool const varies = !(base->ratio == Rational(1));
        if (*slope != 0 && varies) return std::nullopt;  // r^(n^2)
        auto const factor = power(base->factor, *constant);
        auto const ratio = varies ? power(base->ratio, *constant) : power(base->factor, *slope);
        if (!factor || !ratio) return std::nullopt;
        return Geometric{*factor, *ratio};
      }
      default:
        return std::nullopt;
    }
  }

  Arena& arena_;
  Fuel& fuel_;
  std::uint32_t name_;
};

/// The value of one limit, sum or integral; nothing where it is not worked out.
Expr value_of(Arena& arena, Fuel& fuel, Expr e) {
  auto const parts = arena.children(e);
  if (parts.size() < 3 || !arena.is(parts[1], Kind::Symbol)) return {};
  Exact exact(arena, fuel, parts[1]);
  switch (arena.kind(e)) {
    case Kind::Limit:
      return exact.limit(parts[0], parts[2]);
    case Kind::Integral:
      return parts.size() == 4 ? exact.integral(parts[0], parts[2], parts[3]) : Expr{};
    case Kind::Sum:
      return parts.size() == 4 && exact.infinite(parts[3]) == 1 ? exact.sum(parts[0], parts[2]) : Expr{};
    default:
      return {};
  }
}

bool has_operator(Arena const& arena, Expr e) {  // NOLINT(misc-no-recursion)
  Kind const kind = arena.kind(e);
  if (kind == Kind::Limit || kind == Kind::Integral || kind == Kind::Sum) return true;
  auto const parts = arena.children(e);
  return std::any_of(parts.begin(), parts.end(), [&](Expr part) { return has_operator(arena, part); });
}

}  // namespace

Expr closed_forms(Arena& arena, Expr e, Fuel& fuel) {
  if (!has_operator(arena, e)) return e;
  return rebuild(arena, e, [&](Expr x) {
    Expr const value = value_of(arena, fuel, x);
    return value ? value : x;
  });
}

}  // namespace grove::math::detail
