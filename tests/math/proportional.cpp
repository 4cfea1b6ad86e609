// SPDX-License-Identifier: Apache-2.0
#include "grove/math/zero_test.hpp"
#include "support/catch.hpp"
#include "support/infix.hpp"

TEST_CASE("constant multiples of functions, with the sign of the constant", "[fast]") {
  using namespace grove::math;
  Arena arena;
  ZeroTest const zero;
  auto const factor = [&](char const* a, char const* b) {
    Fuel fuel(1'000'000);
    return zero.proportional(arena, test::infix(arena, a), test::infix(arena, b), fuel);
  };
  CHECK(factor("2*x + 4*y - 3", "y + x/2 - 3/4") == 1);
  CHECK(factor("x^2 - 1", "3 - 3*x^2") == -1);
  CHECK(factor("sqrt(2)*x", "x") == 1);
  CHECK(factor("x", "x^2") == 0);
  CHECK(factor("x", "y") == 0);
  CHECK(factor("x - x", "x") == 0);
  CHECK(factor("f_(x) - x", "2*f_(x) - 2*x") == 1);
  CHECK(factor("f_(x) - x", "f_(x) + x") == 0);
  CHECK(factor("(sin(x)^2 + cos(x)^2)*y", "5*y") == 1);
  CHECK_FALSE(factor("sin(x)^2 + cos(x)^2", "5").has_value());  // neither moves from point to point
  CHECK(factor("x", "2^300*x") == 1);
  CHECK(factor("x", "2^300*x^2") == 0);
  CHECK_FALSE(factor("1/(x - x)", "x").has_value());
  CHECK_FALSE(factor("{x}", "x").has_value());
}
