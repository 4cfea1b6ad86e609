// SPDX-License-Identifier: Apache-2.0
#include "grove/math/modular.hpp"

#include "grove/math/evaluate.hpp"
#include "grove/math/wide.hpp"

namespace grove::math::detail {

std::uint64_t ModularEvaluator::multiply(std::uint64_t a, std::uint64_t b) const {
  if (prime_ != mersenne) return multiply_modulo(a, b, prime_);
  Uint128 const product = static_cast<Uint128>(a) * b;
  std::uint64_t const folded =
      static_cast<std::uint64_t>(product & mersenne) + static_cast<std::uint64_t>(product >> 61U);
  return folded >= mersenne ? folded - mersenne : folded;
}

std::uint64_t ModularEvaluator::power(std::uint64_t base, std::uint64_t exponent) const {
  std::uint64_t result = 1;
  for (; exponent != 0; exponent >>= 1U) {
    if ((exponent & 1U) != 0) result = multiply(result, base);
    base = multiply(base, base);
  }
  return result;
}

std::optional<std::uint64_t> ModularEvaluator::power(Expr e) const {  // NOLINT(misc-no-recursion)
  auto const base = (*this)(arena_.child(e, 0));
  auto const exponent = arena_.value(arena_.child(e, 1)).as_int64();
  if (!base || !exponent) return std::nullopt;
  if (*exponent >= 0) return power(*base, static_cast<std::uint64_t>(*exponent));
  if (*base == 0) return std::nullopt;
  return power(power(*base, prime_ - 2), ~static_cast<std::uint64_t>(*exponent) + 1);
}

std::optional<std::uint64_t> ModularEvaluator::operator()(
    Expr e) const {  // NOLINT(misc-no-recursion): depth is bounded by the arena
  auto const parts = arena_.children(e);
  switch (arena_.kind(e)) {
    case Kind::Number:
    case Kind::Decimal:
      return arena_.value(e).modulo(prime_);
    case Kind::Symbol:
      return stable_hash(arena_.name(e), point_) % prime_;
    case Kind::Add: {
      std::uint64_t sum = 0;
      for (Expr const part : parts) {
        auto const value = (*this)(part);
        if (!value) return std::nullopt;
        sum += *value;
        if (sum >= prime_) sum -= prime_;
      }
      return sum;
    }
    case Kind::Multiply: {
      std::uint64_t product = 1;
      for (Expr const part : parts) {
        auto const value = (*this)(part);
        if (!value) return std::nullopt;
        product = multiply(product, *value);
      }
      return product;
    }
    case Kind::Power:
      return power(e);
    case Kind::Percent: {
      auto const value = (*this)(parts[0]);
      if (!value) return std::nullopt;
      return multiply(*value, *Rational(1, 100).modulo(prime_));
    }
    case Kind::Unit:
    case Kind::Based:
      return (*this)(parts[0]);
    case Kind::Ratio: {
      if (parts.size() != 2) return std::nullopt;
      auto const a = (*this)(parts[0]);
      auto const b = (*this)(parts[1]);
      if (!a || !b || *b == 0) return std::nullopt;
      return multiply(*a, power(*b, prime_ - 2));
    }
    default:
      return std::nullopt;
  }
}

}  // namespace grove::math::detail
