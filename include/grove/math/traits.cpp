// SPDX-License-Identifier: Apache-2.0
#include "grove/math/traits.hpp"

#include <algorithm>
#include <cmath>

namespace grove::math::detail {

namespace {

bool has(std::vector<std::uint32_t> const& names, std::uint32_t name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool counting(Function which) {
  switch (which) {
    case Function::Factorial:
    case Function::DoubleFactorial:
    case Function::Subfactorial:
    case Function::Binomial:
    case Function::Permutations:
    case Function::Modulo:
    case Function::Gcd:
    case Function::Lcm:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Traits::gather(Arena const& arena, Expr e) { visit(arena, e, false); }

void Traits::visit(Arena const& arena, Expr e,
                   bool counts) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
  ++weight;
  auto const parts = arena.children(e);
  switch (arena.kind(e)) {
    case Kind::Number:
    case Kind::Decimal:
      if (arena.value(e).big() != nullptr || arena.is(e, Kind::Decimal)) scale += arena.value(e).bits();
      return;
    case Kind::Constant: {
      auto const which = arena.constant_of(e);
      rational = false;
      scalar = scalar && which <= Constant::Undefined;
      return;
    }
    case Kind::Symbol: {
      std::uint32_t const name = arena.name_id(e);
      if (has(bound_, name)) return;
      if (!has(free, name)) free.push_back(name);
      if (counts && !has(whole, name)) whole.push_back(name);
      return;
    }
    case Kind::Add:
    case Kind::Multiply:
    case Kind::Percent:
    case Kind::Unit:
    case Kind::Based:
    case Kind::Ratio:
      break;
    case Kind::Power: {
      Expr const exponent = parts[1];
      bool const whole_power = arena.is(exponent, Kind::Number) && arena.value(exponent).is_integer();
      rational = rational && whole_power;
      if (arena.is_numeral(exponent) && arena.is_numeral(parts[0])) {
        double const size = std::min(1e4, std::abs(arena.value(exponent).to_double()));
        scale += static_cast<std::uint64_t>(size * static_cast<double>(arena.value(parts[0]).bits()));
      }
      break;
    }
    case Kind::Function:
      rational = false;
      counts = counts || counting(arena.function_of(e));
      if (arena.is(e, Function::Determinant) && parts.size() == 1 && arena.is(parts[0], Kind::Matrix)) {
        for (Expr const entry : arena.children(parts[0])) visit(arena, entry, counts);
        return;
      }
      break;
    case Kind::Degrees:
    case Kind::Apply:
      rational = false;
      break;
    case Kind::Sum:
    case Kind::Product:
    case Kind::Limit:
    case Kind::Integral:
    case Kind::Derivative:
      rational = false;
      for (std::size_t i = 2; i < parts.size(); ++i)
        visit(arena, parts[i], counts || arena.is(e, Kind::Sum) || arena.is(e, Kind::Product));
      if (parts.size() < 2) return;
      bound_.push_back(arena.name_id(parts[1]));
      visit(arena, parts[0], counts);
      bound_.pop_back();
      return;
    default:
      rational = scalar = false;
      return;
  }
  for (Expr const part : parts) visit(arena, part, counts);
}

}  // namespace grove::math::detail
