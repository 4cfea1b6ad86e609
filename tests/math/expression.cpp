// SPDX-License-Identifier: Apache-2.0
#include "grove/math/expression.hpp"

#include "support/catch.hpp"
#include "support/infix.hpp"

namespace {

using namespace grove::math;

}  // namespace

TEST_CASE("expressions print what they are", "[fast]") {
  Arena arena;
  auto const shown = [&](char const* text) { return to_string(arena, test::infix(arena, text)); };
  CHECK(shown("(x + 1)^2") == "(x + 1)^2");
  CHECK(shown("2*x^3 - 1/2") == "2*x^3 + (-1)*(1*2^(-1))");
  CHECK(shown("{1, 2}") == "{1, 2}");
  CHECK(shown("[0, 1)") == "[0, 1)");
  CHECK(shown("(1, 2) U [3, oo)") == "(1, 2) U [3, oo)");
  CHECK(shown("-0.50") == "-0.50");
  CHECK(shown("sin(x)") == "sin(x)");
  CHECK(shown("f_(x, y)") == "f(x, y)");
  CHECK(shown("1 < x <= 2") == "1 < x and x <= 2");
  CHECK(shown("[[1, 2], [3, 4]]") == "[[1, 2], [3, 4]]");
  CHECK(shown("50% + 90 deg") == "50% + 90 degrees");
  CHECK(shown("1 +- sqrt(2)") == "1 +- 2^(1/2)");
  CHECK(shown("pm(3)") == "+-3");
  CHECK(shown("cm(5)") == "5 cm");
  CHECK(to_string(arena, test::infix(arena, "1 + 2 + 3 + 4 + 5"), 6) == "1 + 2 ...");
}

TEST_CASE("the same structure means the same kinds, values, names and order", "[fast]") {
  Arena arena;
  auto const same = [&](char const* a, char const* b) {
    return same_structure(arena, test::infix(arena, a), test::infix(arena, b));
  };
  CHECK(same("x + 2*sin(y)", "x + 2*sin(y)"));
  CHECK_FALSE(same("x + y", "y + x"));
  CHECK_FALSE(same("0.5", "0.50"));
  CHECK_FALSE(same("sin(x)", "cos(x)"));
  CHECK_FALSE(same("[0, 1)", "[0, 1]"));
  CHECK_FALSE(same("f_(x)", "g_(x)"));
}

TEST_CASE("at a limit builders return nothing, and nothing grows beyond it", "[fast]") {
  Arena arena({.nodes = 10,
               .children = 8,
               .names = 2,
               .numbers = 4,
               .text_bytes = 8,
               .depth = 3,
               .number_bits = 128,
               .big_bits = 256});
  CHECK(arena.symbol("a"));
  CHECK_FALSE(arena.symbol("too_long_a_name"));
  CHECK(arena.exhausted());
  arena.reset();
  CHECK_FALSE(arena.exhausted());
  Expr e = arena.symbol("a");
  e = arena.power(e, e);
  e = arena.power(e, e);
  CHECK(e);
  CHECK_FALSE(arena.power(e, e));
  CHECK_FALSE(arena.add(e, Expr{}));
  CHECK_FALSE(arena.number(Rational(2).power(200)));
  CHECK(arena.memory() <= arena.memory_limit());
  arena.reset();
  for (int i = 0; i < 20; ++i) arena.number(Rational(i));
  CHECK(arena.node_count() == 4);
  CHECK(arena.exhausted());
}

TEST_CASE("spans and names stay where they are while nodes are added", "[fast]") {
  Arena arena;
  Expr const sum = arena.add(arena.symbol("x"), arena.number(1));
  auto const parts = arena.children(sum);
  std::string_view const name = arena.name(parts[0]);
  for (int i = 0; i < 5000; ++i) arena.symbol(i % 2 == 0 ? "y" : "z");
  CHECK(arena.children(sum).data() == parts.data());
  CHECK(arena.name(parts[0]).data() == name.data());
  CHECK(arena.name_id(arena.symbol("x")) == arena.name_id(parts[0]));
}

TEST_CASE("an empty handle is allowed among the parts of cases only", "[fast]") {
  Arena arena;
  Expr const x = arena.symbol("x");
  CHECK(arena.node(Kind::Cases, {x, Expr{}}));
  CHECK_FALSE(arena.node(Kind::Set, {x, Expr{}}));
}
