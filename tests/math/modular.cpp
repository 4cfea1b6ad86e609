// SPDX-License-Identifier: Apache-2.0
#include "grove/math/modular.hpp"

#include "support/catch.hpp"
#include "support/infix.hpp"

TEST_CASE("residues of rational functions", "[fast]") {
  using namespace grove::math;
  using detail::ModularEvaluator;
  Arena arena;
  for (std::uint64_t const prime : {ModularEvaluator::mersenne, ModularEvaluator::second}) {
    ModularEvaluator const at(arena, prime, 1);
    auto const value = [&](char const* text) { return at(test::infix(arena, text)); };
    CHECK(value("7 - 10") == prime - 3);
    CHECK(value("(x + y)^3") == value("x^3 + 3*x^2*y + 3*x*y^2 + y^3"));
    CHECK(value("x/(x*y)") == value("1/y"));
    CHECK(value("50%") == value("1/2"));
    CHECK(value("x") != value("y"));
    CHECK_FALSE(value("1/(x - x)").has_value());
    CHECK_FALSE(value("sin(x)").has_value());
    // The point is drawn from the name, not from what else there is.
    Arena other;
    other.symbol("z");
    CHECK(ModularEvaluator(other, prime, 1)(other.symbol("x")) == value("x"));
    CHECK(ModularEvaluator(arena, prime, 2)(arena.symbol("x")) != value("x"));
  }
}
