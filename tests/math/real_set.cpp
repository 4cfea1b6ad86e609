// SPDX-License-Identifier: Apache-2.0
#include "grove/math/real_set.hpp"

#include "support/catch.hpp"
#include "support/infix.hpp"

namespace {

using namespace grove::math;
using detail::RealSet;

/// The set as text, "none" where there is none.
std::string shown(char const* text) {
  Arena arena;
  Fuel fuel(1'000'000);
  ZeroTest const zero;
  auto const set = RealSet::of(arena, zero, test::infix(arena, text), fuel);
  if (!set) return "none";
  std::string out;
  for (RealSet::Piece const& piece : set->pieces()) {
    out += piece.from_open ? '(' : '[';
    out += to_string(arena, piece.from) + "," + to_string(arena, piece.to);
    out += piece.to_open ? ')' : ']';
  }
  return out;
}

}  // namespace

TEST_CASE("sets of reals: unions merge, sort and close", "[fast]") {
  CHECK(shown("[0, 1] U [1, 2]") == "[0,2]");
  CHECK(shown("(0, 1) U (1, 2)") == "(0,1)(1,2)");
  CHECK(shown("(0, 1) U {1} U (1, 2)") == "(0,2)");
  CHECK(shown("[5, 6] U [0, 1]") == "[0,1][5,6]");
  CHECK(shown("[0, 5] U [1, 2]") == "[0,5]");
  CHECK(shown("[0, 5) U [1, 5]") == "[0,5]");
  CHECK(shown("{3, 1, 3}") == "[1,1][3,3]");
  CHECK(shown("empty") == "");
  CHECK(shown("{}") == "");
}

TEST_CASE("sets of reals: differences and intersections", "[fast]") {
  CHECK(shown("[0, 5] \\ {2}") == "[0,2)(2,5]");
  CHECK(shown("[0, 5] \\ (1, 2)") == "[0,1][2,5]");
  CHECK(shown("reals \\ {0}") == "((-1)*oo,0)(0,oo)");
  CHECK(shown("1 < x <= 5") == "(1,5]");
  CHECK(shown("3 < x < 1") == "");
}

TEST_CASE("sets of reals: linear inequalities and distances", "[fast]") {
  CHECK(shown("2*x > 6") == "(3,oo)");
  CHECK(shown("-2*x > 6") == "((-1)*oo,-3)");
  CHECK(shown("3 - x >= x") == "((-1)*oo,3/2]");
  CHECK(shown("x != 3") == "((-1)*oo,3)(3,oo)");
  CHECK(shown("abs(x) < 2") == "(-2,2)");
  CHECK(shown("abs(x) >= 2") == "((-1)*oo,-2][2,oo)");
  CHECK(shown("x in [1, 2)") == "[1,2)");
  CHECK(shown("x > y") == "none");
  CHECK(shown("1 < x < y") == "none");
  CHECK(shown("x^3 < 8") == "none");
}

TEST_CASE("sets of reals: what is written the wrong way round is none", "[fast]") {
  CHECK(shown("[2, 0]") == "none");
  CHECK(shown("(2, 1)") == "none");
  CHECK(shown("[a, b]") == "none");
  CHECK(shown("[-oo, 3]") == "((-1)*oo,3]");
}

TEST_CASE("the root of linear equations and inequalities", "[fast]") {
  Arena arena;
  Fuel fuel(1'000'000);
  ZeroTest const zero;
  auto const root = [&](char const* text) {
    auto const line = detail::linear_root(arena, zero, test::infix(arena, text), fuel);
    return line ? to_string(arena, line->root) + (line->slope > 0 ? " +" : " -") : "none";
  };
  CHECK(root("x = 5") == "5 +");
  CHECK(root("5 = x") == "5 -");
  CHECK(root("2*x - 5 = 0") == "5/2 +");
  CHECK(root("3 - x = 2*(x + 1)") == "1/3 -");
  CHECK(root("x^2 = 4") == "none");
  CHECK(root("x + y = 4") == "none");
  CHECK(root("x*(x - 1)*(x - 2) + x = 0") == "none");
  CHECK(root("f_(x) = 3") == "none");
}
