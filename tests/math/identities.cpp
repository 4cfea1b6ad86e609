// SPDX-License-Identifier: Apache-2.0
// The zero test against sympy: tests/oracle/math_identities.py writes the pairs.
#include "grove/math/zero_test.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/infix.hpp"

TEST_CASE("sympy's rewritings are equal, what was changed is not", "[fast]") {
  using namespace grove::math;
  auto const rows = grove::test::read_rows(std::string(GROVE_TEST_DATA) + "/math/identities.jsonl");
  REQUIRE(rows.size() == 500);
  Arena arena;
  ZeroTest const zero({.positive_variables = true});
  int unknown = 0;
  for (auto const& row : rows) {
    arena.reset();
    auto const a = row["a"].get<std::string>();
    auto const b = row["b"].get<std::string>();
    INFO(a << "  against  " << b);
    Fuel fuel(60'000);
    Expr const x = test::infix(arena, a);
    Expr const y = test::infix(arena, b);
    Verdict const verdict = zero.equal(arena, x, y, fuel).verdict;
    // Never the wrong verdict; nearly always one.
    CHECK(verdict != (row["equal"] == true ? Verdict::Different : Verdict::Equal));
    unknown += verdict == Verdict::Unknown ? 1 : 0;
  }
  CHECK(unknown <= 2);
}
