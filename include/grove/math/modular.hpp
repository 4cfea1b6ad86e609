// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "grove/math/expression.hpp"

namespace grove::math::detail {

/// Values of rational functions modulo a prime, at a point drawn from the variables' names and the point's number. Two
/// rational functions of degree d that differ agree at such a point with a chance of about d / 2^61.
class ModularEvaluator {
 public:
  static constexpr std::uint64_t mersenne = (std::uint64_t{1} << 61U) - 1;
  static constexpr std::uint64_t second = 2305843009213693907U;  ///< a prime below 2^61 - 1

  ModularEvaluator(Arena const& arena, std::uint64_t prime, std::uint64_t point)
      : arena_(arena), prime_(prime), point_(point) {}

  /// None where a divisor is 0, or for what is no rational function (Traits::rational).
  std::optional<std::uint64_t> operator()(Expr e) const;

 private:
  [[nodiscard]] std::uint64_t multiply(std::uint64_t a, std::uint64_t b) const;
  [[nodiscard]] std::uint64_t power(std::uint64_t base, std::uint64_t exponent) const;
  std::optional<std::uint64_t> power(Expr e) const;

  Arena const& arena_;
  std::uint64_t prime_;
  std::uint64_t point_;
};

}  // namespace grove::math::detail
