// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "grove/math/comparison.hpp"
#include "support/catch.hpp"
#include "support/infix.hpp"

namespace {

using namespace grove::math;

Verdict decide(std::string_view gold, std::string_view answer, StrictComparison::Options options = {}) {
  Arena arena;
  Fuel fuel(2'000'000);
  Expr const a = test::infix(arena, gold);
  Expr const b = test::infix(arena, answer);
  Judgement const verdict = StrictComparison(options)(arena, a, b, fuel);
  CHECK_FALSE(verdict.reason.empty());
  return verdict.verdict;
}

struct Pair {
  char const* gold;
  char const* answer;
};

constexpr Pair equal_pairs[] = {
    {"1,2", "2,1"},
    {"1,2", "{2, 1, 2}"},
    {"6", "{6}"},
    {"6", "x in {6}"},
    {"5", "x = 5"},
    {"x = 5", "x - 5 = 0"},
    {"x = 5", "5 = x"},
    {"5", "x = 2 + 3 = 5"},
    {"5", "x = y = 5"},
    {"3,4", "a = 3, 4"},
    {"3,4", "x_a = 3, x_b = 4"},
    {"3,4", "x = 4, x = 3"},
    {"(2, 4)", "x = 2, y = 4"},
    {"(2, 4)", "y = 4, x = 2"},
    {"(2, 4)", "(x, y) = (2, 4)"},
    {"1 +- sqrt(2)", "1 - sqrt(2), 1 + sqrt(2)"},
    {"pm(3)", "{3, -3}"},
    {"{1 +- sqrt(5), -2}", "-2, 1 - sqrt(5), 1 + sqrt(5)"},
    {"x > 0", "(0, oo)"},
    {"x > 0", "0 < x"},
    {"x > 0", "-x < 0"},
    {"x > 0", "2*x > 2*0"},
    {"k < 1", "k - 1 < 0"},
    {"1 < x < 2", "(1, 2)"},
    {"x in (3, 4]", "(3, 4]"},
    {"(1, 2) U (2, 3)", "(1, 3) \\ {2}"},
    {"reals", "(-oo, oo)"},
    {"x != 3", "reals \\ {3}"},
    {"x != 3", "3 != x"},
    {"[1, 2] U [2, 3]", "[1, 3]"},
    {"x < 1, x > 2", "(-oo, 1) U (2, oo)"},
    {"{}", "empty"},
    {"f_(x) = x", "x"},
    {"f_(x) = x", "2*f_(x) = 2*x"},
    {"y = 2*x + 3", "2*x - y + 3 = 0"},
    {"x^2 + y^2 = 1", "2*x^2 + 2*y^2 = 2"},
    {"x^2 + y^2 < 1", "-x^2 - y^2 > -1"},
    {"b > a > c", "c < a < b"},
    {"(1, 9/2)", "(1, 4.5)"},
    {"[[1/2, 2]]", "[[0.5, 2]]"},
    {"[[1], [2]]", "(1, 2)"},
    {"\"(C)\"", "\"c\""},
    {"\"(C)\"", "C"},
    {"\"Even\"", "E*v*e*n"},
    {"90 deg", "90"},
    {"50%", "0.5"},
    {"cm(5)", "5"},
    {"cm(5)", "inch(5)"},
    {"1,(2, 3)", "(2, 3),1"},
    {"(a, b)", "(a, b)"},
    {"[a, b + 1)", "[a, 1 + b)"},
    {"2 = 3", "2 = 3"},
    {"1 + 1 = 2", "2"},
};

constexpr Pair different_pairs[] = {
    {"3", "6 = 3"},
    {"5", "x = 6 = 5"},
    {"3", "x + y = 3"},
    {"3", "3 = 7"},
    {"4", "4%"},
    {"1/3", "0.333333"},
    {"11", "11.000001"},
    {"(1, 2)", "(2, 1)"},
    {"(1, 2)", "[1, 2]"},
    {"(3, 4]", "(3, 4)"},
    {"(3, 4]", "(4, 3]"},
    {"[0, 2]", "[2, 0]"},
    {"7", "7, 8"},
    {"1, 2", "2"},
    {"1, 2, 3", "1, 2"},
    {"5", "pm(5)"},
    {"6", "[5, 7]"},
    {"2", "x > 2"},
    {"x > 1", "x < 1"},
    {"x > 1", "x >= 1"},
    {"x > 1", "x > 2"},
    {"b > a > c", "b < a < c"},
    {"(2, 4)", "x = 4, y = 2"},
    {"2*n", "2*p"},
    {"9", "9*x"},
    {"6", "\"unknown\""},
    {"\"(C)\"", "\"Z\""},
    {"[[1, 2]]", "[[1], [2]]"},
    {"x^2 + y^2 = 1", "x^2 + y^2 = 2"},
    {"x^2 + y^2 < 1", "x^2 + y^2 > 1"},
    {"y = 2*x", "y = 3*x"},
    {"sum(k^2, k, 0, oo) = 1", "sum(k^2, k, 0, oo) = 2"},
};

}  // namespace

TEST_CASE("strict: equal answers", "[fast]") {
  for (Pair const& pair : equal_pairs) {
    INFO(pair.gold << "  against  " << pair.answer);
    CHECK(name(decide(pair.gold, pair.answer)) == "equal");
    CHECK(name(decide(pair.answer, pair.gold)) == "equal");
  }
}

TEST_CASE("strict: answers that are not equal", "[fast]") {
  for (Pair const& pair : different_pairs) {
    INFO(pair.gold << "  against  " << pair.answer);
    CHECK(name(decide(pair.gold, pair.answer)) != "equal");
    CHECK(name(decide(pair.answer, pair.gold)) != "equal");
  }
}

TEST_CASE("strict: lists without elements are compared like others", "[fast]") {
  Arena arena;
  Fuel fuel(20'000);
  for (Kind const kind : {Kind::List, Kind::Set, Kind::Or, Kind::And}) {
    Expr const empty = arena.node(kind, {});
    CHECK(StrictComparison()(arena, empty, empty, fuel).equal());
    CHECK_FALSE(StrictComparison()(arena, empty, arena.number(1), fuel).equal());
  }
}

TEST_CASE("strict: options", "[fast]") {
  CHECK(decide("90 deg", "90", {.degrees_as_numbers = false}) == Verdict::Different);
  CHECK(decide("90 deg", "pi/2", {.degrees_as_numbers = false}) == Verdict::Equal);
  CHECK(decide("cm(5)", "inch(5)", {.units_ignored = false}) == Verdict::Different);
  CHECK(decide("1,2", "2,1", {.lists_ordered = true}) == Verdict::Different);
  CHECK(decide("1,2", "1,2.0", {.lists_ordered = true}) == Verdict::Equal);
}

TEST_CASE("strict: reflexive, symmetric and transitive over these answers", "[fast]") {
  std::vector<char const*> texts;
  for (Pair const& pair : equal_pairs) texts.insert(texts.end(), {pair.gold, pair.answer});
  for (Pair const& pair : different_pairs) texts.insert(texts.end(), {pair.gold, pair.answer});
  std::size_t const n = texts.size();
  std::vector<std::vector<Verdict>> table(n, std::vector<Verdict>(n));
  Arena arena;
  StrictComparison const strict;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      arena.reset();
      Fuel fuel(200'000);
      Expr const a = test::infix(arena, texts[i]);
      Expr const b = test::infix(arena, texts[j]);
      table[i][j] = strict(arena, a, b, fuel).verdict;
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    CHECK(table[i][i] == Verdict::Equal);
    for (std::size_t j = 0; j < n; ++j) {
      INFO(texts[i] << "  |  " << texts[j]);
      CHECK((table[i][j] == Verdict::Equal) == (table[j][i] == Verdict::Equal));
      if (table[i][j] != Verdict::Equal) continue;
      for (std::size_t k = 0; k < n; ++k) {
        if (table[j][k] != Verdict::Equal) continue;
        INFO("then  " << texts[k]);
        CHECK(table[i][k] == Verdict::Equal);
      }
    }
  }
}
