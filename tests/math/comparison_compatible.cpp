// SPDX-License-Identifier: Apache-2.0
#include "grove/math/comparison.hpp"
#include "grove/math/policy.hpp"
#include "support/catch.hpp"

namespace {

using namespace grove::math;

Verdict compare(Arena& arena, Expr gold, Expr answer) {
  Fuel fuel(default_fuel);
  return CompatibleComparison()(arena, gold, answer, fuel).verdict;
}

TEST_CASE("chains that join something else than relations are compared") {
  Arena arena;
  Expr const x = arena.symbol("x");
  Expr const above = arena.relation(RelationType::Greater, x, arena.number(1));
  Expr const below = arena.relation(RelationType::Less, x, arena.number(2));
  Expr const none = arena.constant(Constant::EmptySet);
  Expr const set = arena.node(Kind::Set, {arena.number(1)});
  Expr const nothing = arena.node(Kind::Set, std::span<Expr const>{});
  for (Expr const odd : {x, none, set, nothing, arena.node(Kind::Not, {above}), arena.number(1)}) {
    Expr const chain = arena.node(Kind::And, {above, odd});
    CHECK(compare(arena, chain, arena.node(Kind::And, {above, below})) == Verdict::Different);
    CHECK(compare(arena, arena.node(Kind::And, {above, below}), chain) == Verdict::Different);
    CHECK(compare(arena, chain, arena.node(Kind::And, {below, odd})) == Verdict::Different);
    CHECK(compare(arena, chain, arena.node(Kind::And, {above, odd})) == Verdict::Equal);
  }
}

}  // namespace
