// SPDX-License-Identifier: Apache-2.0
#include "grove/math/matrix.hpp"

#include "support/catch.hpp"
#include "support/infix.hpp"

TEST_CASE("matrices are worked out where their shapes allow it", "[fast]") {
  using namespace grove::math;
  Arena arena;
  auto const folded = [&](char const* text) {
    return to_string(arena, detail::fold_matrices(arena, test::infix(arena, text)));
  };
  CHECK(folded("[[1, 2], [3, 4]]*[[5, 6], [7, 8]]") == "[[19, 22], [43, 50]]");
  CHECK(folded("[[1, 1], [0, 1]]^3") == "[[1, 3], [0, 1]]");
  CHECK(folded("[[1, 2]] + [[3, 4]]") == "[[1 + 3, 2 + 4]]");
  CHECK(folded("x*[[1], [2]]") == "[[x*1], [x*2]]");
  CHECK(folded("[[1, 2]]*[[a], [b]]") == "[[1*a + 2*b]]");
  CHECK(folded("[[1, 2]]*[[3, 4]]") == "[[1, 2]]*[[3, 4]]");
  CHECK(folded("[[1, 2]] + 1") == "[[1, 2]] + 1");
  CHECK(folded("x + 1") == "x + 1");
}

TEST_CASE("inverses of matrices of numbers are worked out where that is asked for", "[fast]") {
  using namespace grove::math;
  Arena arena;
  auto const folded = [&](char const* text) {
    return to_string(arena, detail::fold_matrices(arena, test::infix(arena, text), detail::Inverses::WorkedOut));
  };
  CHECK(folded("[[1, 2], [3, 4]]^(-1)") == "[[-2, 1], [3/2, -1/2]]");
  CHECK(folded("[[0, 1], [1, 0]]^(-1)") == "[[0, 1], [1, 0]]");
  CHECK(folded("[[2, 0], [0, 2]]^(-2)") == "[[1/4, 0], [0, 1/4]]");
  CHECK(folded("[[1, 2], [3, 4]]^0") == "[[1, 0], [0, 1]]");
  for (auto const* text : {"[[1, 2], [2, 4]]^(-1)", "[[1, 2]]^(-1)", "[[a, 2], [2, 4]]^(-1)"}) {
    Expr const power = test::infix(arena, text);
    CHECK(detail::fold_matrices(arena, power, detail::Inverses::WorkedOut) == power);
  }
  Expr const power = test::infix(arena, "[[1, 2], [3, 4]]^(-1)");
  CHECK(detail::fold_matrices(arena, power) == power);
}

TEST_CASE("products of matrices of variables are bounded", "[fast]") {
  using namespace grove::math;
  Arena arena;
  Expr const power = test::infix(arena, "[[a, b], [c, d]]^8");
  CHECK(detail::fold_matrices(arena, power) == power);
  CHECK_FALSE(detail::fold_matrices(arena, test::infix(arena, "[[a, b], [c, d]]^3")) == power);
}
