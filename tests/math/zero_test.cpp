// SPDX-License-Identifier: Apache-2.0
#include "grove/math/zero_test.hpp"

#include "support/catch.hpp"
#include "support/infix.hpp"

namespace {

using namespace grove::math;

struct Case {
  char const* a;
  char const* b;
  Verdict expected;
};

Verdict decide(std::string_view a, std::string_view b, ZeroTestOptions options = {}, std::int64_t units = 2'000'000) {
  Arena arena;
  Fuel fuel(units);
  Expr const x = test::infix(arena, a);
  Expr const y = test::infix(arena, b);
  ZeroTest const zero(options);
  Verdict const verdict = zero.equal(arena, x, y, fuel).verdict;
  Fuel again(units);
  CHECK(zero.equal(arena, y, x, again).verdict == verdict);
  return verdict;
}

void check_all(std::initializer_list<Case> cases) {
  for (Case const& c : cases) {
    INFO(c.a << "  against  " << c.b);
    CHECK(name(decide(c.a, c.b)) == name(c.expected));
  }
}

}  // namespace

TEST_CASE("constants: equal and different ones are told apart", "[fast]") {
  check_all({
      {"1/2 + 1/3", "5/6", Verdict::Equal},
      {"sqrt(8)", "2*sqrt(2)", Verdict::Equal},
      {"sqrt(5 + 2*sqrt(6))", "sqrt(2) + sqrt(3)", Verdict::Equal},
      {"root(2 + sqrt(5), 3)", "(1 + sqrt(5))/2", Verdict::Equal},
      {"cos(2*pi/7) + cos(4*pi/7) + cos(6*pi/7)", "-1/2", Verdict::Equal},
      {"4*arctan(1/5) - arctan(1/239)", "pi/4", Verdict::Equal},
      {"exp(pi*sqrt(163))", "262537412640768744", Verdict::Different},
      {"sqrt(2 + sqrt(2 + sqrt(2)))", "2*cos(pi/16)", Verdict::Equal},
      {"(2^2005 + 1)/(3*2^2006)", "1/(3*2^2006)", Verdict::Different},
      {"1/2004!", "1/2006!", Verdict::Different},
      {"2004!/2003!", "2004", Verdict::Equal},
      {"1/2^60", "1/2^61", Verdict::Different},
      {"10^-20", "0", Verdict::Different},
      {"pi + 1/2^1000", "pi", Verdict::Different},
      {"pi + 1/2^1000 - 1/2^1001", "pi + 1/2^1001", Verdict::Equal},
      {"ln(e^3)", "3", Verdict::Equal},
      {"log(8, 2)", "3", Verdict::Equal},
      {"log(9, 27)", "2/3", Verdict::Equal},
      {"e^(i*pi)", "-1", Verdict::Equal},
      {"i^2", "-1", Verdict::Equal},
      {"(1 + i)^4", "-4", Verdict::Equal},
      {"1/(1 + i)", "(1 - i)/2", Verdict::Equal},
      {"sqrt(-4)", "2*i", Verdict::Equal},
      {"3 + i", "3 - i", Verdict::Different},
      {"pi", "22/7", Verdict::Different},
      {"sin(30 deg)", "1/2", Verdict::Equal},
      {"90 deg", "90", Verdict::Equal},
      {"5!", "120", Verdict::Equal},
      {"binom(5, 2)", "10", Verdict::Equal},
      {"binom(100, 98)", "4950", Verdict::Equal},
      {"sum(k, k, 1, 10)", "55", Verdict::Equal},
      {"prod(k, k, 1, 5)", "120", Verdict::Equal},
      {"floor(7/2) + ceil(7/2)", "7", Verdict::Equal},
      {"gcd(12, 18)", "6", Verdict::Equal},
      {"mod(-7, 3)", "2", Verdict::Equal},
      {"max(sqrt(2), 3/2)", "3/2", Verdict::Equal},
      {"gamma(1/2)", "sqrt(pi)", Verdict::Equal},
      {"50%", "1/2", Verdict::Equal},
      {"oo", "oo + 5", Verdict::Equal},
      {"oo", "-oo", Verdict::Different},
      {"1/oo", "0", Verdict::Equal},
      {"det([[1, 2], [3, 4]])", "-2", Verdict::Equal},
      {"0.5", "1/2", Verdict::Equal},
      {"1/0", "3", Verdict::Different},
      {"2^100", "2^100 + 1", Verdict::Different},
  });
}

TEST_CASE("constants: the convention for roots of negative numbers is an option", "[fast]") {
  CHECK(decide("root(-8, 3)", "-2") == Verdict::Equal);
  CHECK(decide("(-8)^(1/3)", "-2") == Verdict::Equal);
  CHECK(decide("(-8)^(2/3)", "4") == Verdict::Equal);
  ZeroTestOptions const principal{.roots = RootConvention::Principal};
  CHECK(decide("root(-8, 3)", "-2", principal) == Verdict::Different);
  CHECK(decide("(-8)^(1/3)", "1 + i*sqrt(3)", principal) == Verdict::Equal);
}

TEST_CASE("functions: equal and different ones are told apart", "[fast]") {
  check_all({
      {"(x + 1)^2", "x^2 + 2*x + 1", Verdict::Equal},
      {"(x + 1)^2", "x^2 + 2*x + 2", Verdict::Different},
      {"1/(x - 1) - 1/(x + 1)", "2/(x^2 - 1)", Verdict::Equal},
      {"(x^100 - 1)/(x - 1)", "sum(x^k, k, 0, 99)", Verdict::Equal},
      {"x + 2305843009213693951*y", "x", Verdict::Different},
      {"x + 2305843009213693951*2305843009213693907*y", "x", Verdict::Different},
      {"sin(x)^2 + cos(x)^2", "1", Verdict::Equal},
      {"sin(2*x)", "2*sin(x)*cos(x)", Verdict::Equal},
      {"tan(y)^2 + 1", "sec(y)^2", Verdict::Equal},
      {"sin(x)", "cos(x)", Verdict::Different},
      {"sqrt(x^2)", "abs(x)", Verdict::Equal},
      {"sqrt(x^2)", "x", Verdict::Different},
      {"sqrt(x)^2", "x", Verdict::Equal},
      {"ln(a*b)", "ln(a) + ln(b)", Verdict::Equal},
      {"2^(n + 1)", "2*2^n", Verdict::Equal},
      {"sum(k, k, 1, n)", "n*(n + 1)/2", Verdict::Equal},
      {"sum(k^2, k, 1, n)", "n*(n + 1)/2", Verdict::Different},
      {"n!/(n - 1)!", "n", Verdict::Equal},
      {"binom(n, 2)", "n*(n - 1)/2", Verdict::Equal},
      {"f_(x + 1)", "f_(1 + x)", Verdict::Equal},
      {"f_(x)", "f_(y)", Verdict::Different},
      {"f_(x)", "g_(x)", Verdict::Different},
      {"1/(3*root(x, 3)^2)", "1/(3*x^(2/3))", Verdict::Equal},
      {"-8*x^2/(9*(x^2 - 2)^(5/3)) + 2/(3*(x^2 - 2)^(2/3))", "-2*(x^2 + 6)/(9*(x^2 - 2)*root(x^2 - 2, 3)^2)",
       Verdict::Equal},
      {"x", "y", Verdict::Different},
      {"x - x + 1", "1", Verdict::Equal},
      {"x + 10^-60", "x", Verdict::Different},
      {"exp(x)", "exp(x) + 10^-60", Verdict::Different},
      {"x/x", "1", Verdict::Equal},
      {"1/(x - x)", "1", Verdict::Unknown},
      {"sqrt(1/n)", "1/sqrt(n)", Verdict::Equal},
  });
  CHECK(decide("sqrt(x^2)", "x", {.positive_variables = true}) == Verdict::Equal);
}

TEST_CASE("what costs too much is refused, soon", "[fast]") {
  CHECK(decide("9^(9^9)", "9^(9^9) + 1") == Verdict::Different);
  CHECK(decide("9^(9^(9^9))", "9^(9^(9^9)) + 1") == Verdict::Different);
  CHECK(decide("9^(9^9)", "9^(9^9)") == Verdict::Equal);
  CHECK(decide("9^(9^9)", "8^(9^9)") != Verdict::Equal);
  CHECK(decide("(9^9)!", "1") == Verdict::Unknown);
  CHECK(decide("sin(9^(9^9))", "0") == Verdict::Unknown);
  CHECK(decide("sum(k, k, 1, 10^9)", "1") == Verdict::Unknown);
  CHECK(decide("sin(x)^2 + cos(x)^2", "1", {}, 20) == Verdict::Unknown);
}

TEST_CASE("signs and order of constants", "[fast]") {
  Arena arena;
  Fuel fuel(1'000'000);
  ZeroTest const zero;
  auto const read = [&](char const* text) { return test::infix(arena, text); };
  CHECK(zero.order(arena, read("sqrt(2)"), read("3/2"), fuel) == -1);
  CHECK(zero.order(arena, read("oo"), read("3/2"), fuel) == 1);
  CHECK(zero.order(arena, read("-oo"), read("oo"), fuel) == -1);
  CHECK(zero.order(arena, read("sqrt(8)"), read("2*sqrt(2)"), fuel) == 0);
  CHECK_FALSE(zero.order(arena, read("x"), read("3/2"), fuel).has_value());
  CHECK_FALSE(zero.order(arena, read("i"), read("3/2"), fuel).has_value());
  CHECK(zero.sign(arena, read("1 - sqrt(2)"), fuel) == -1);
  CHECK(zero.rational(arena, read("2^3/6"), fuel) == Rational(4, 3));
  CHECK_FALSE(zero.rational(arena, read("sqrt(2)"), fuel).has_value());
  CHECK(zero.approximate(arena, read("sqrt(2)"), fuel).value_or(0) == Approx(1.4142135623730951));
}
