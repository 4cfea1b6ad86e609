// SPDX-License-Identifier: Apache-2.0
#include "grove/math/rational.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "grove/math/wide.hpp"
#include "support/catch.hpp"

namespace {

using grove::math::Rational;

Rational digits(char const* text) { return *Rational::from_digits(text); }

/// Small, at the ends of 64 bits, and beyond them.
std::vector<Rational> samples() {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  return {Rational(0),
          Rational(1),
          Rational(-7, 3),
          Rational(5, 12),
          Rational(most),
          Rational(-most, 2),
          Rational(1, most),
          Rational(std::numeric_limits<std::int64_t>::min()),
          digits("123456789012345678901234567890"),
          -digits("123456789012345678901234567890") / Rational(7),
          Rational(3) / digits("99999999999999999999")};
}

}  // namespace

TEST_CASE("rationals are in lowest terms with a positive denominator", "[fast]") {
  CHECK(Rational(6, -8).to_string() == "-3/4");
  CHECK(Rational(-6, -3).to_string() == "2");
  CHECK(Rational(0, 5) == Rational(0));
  CHECK(Rational(std::numeric_limits<std::int64_t>::min(), -1).to_string() == "9223372036854775808");
  CHECK(Rational(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::min()) == Rational(1));
}

TEST_CASE("digits in bases", "[fast]") {
  CHECK(digits("00042") == Rational(42));
  CHECK(Rational::from_digits("204", 5) == Rational(54));
  CHECK(Rational::from_digits("ff", 16) == Rational(255));
  CHECK_FALSE(Rational::from_digits("208", 8).has_value());
  CHECK_FALSE(Rational::from_digits("", 10).has_value());
  CHECK(digits("123456789012345678901234567890").to_string() == "123456789012345678901234567890");
}

TEST_CASE("the laws of a field hold across the border of 64 bits", "[fast]") {
  auto const all = samples();
  for (Rational const& a : all) {
    CHECK(a + -a == Rational(0));
    CHECK(a - a == Rational(0));
    if (!a.is_zero()) CHECK(a / a == Rational(1));
    CHECK(-(-a) == a);
    for (Rational const& b : all) {
      INFO(a.to_string() << " and " << b.to_string());
      CHECK(a + b == b + a);
      CHECK(a * b == b * a);
      CHECK((a + b) - b == a);
      if (!b.is_zero()) CHECK((a / b) * b == a);
      CHECK((a < b) == ((a - b).sign() < 0));
      CHECK((a == b) == (a - b).is_zero());
      for (Rational const& c : all) {
        CHECK(a * (b + c) == a * b + a * c);
        CHECK((a + b) + c == a + (b + c));
      }
    }
  }
}

TEST_CASE("what fits into 64 bits is small again", "[fast]") {
  Rational const big = digits("123456789012345678901234567890");
  CHECK(big.big() != nullptr);
  CHECK((big - big + Rational(3)).as_int64() == 3);
  CHECK((big / big).big() == nullptr);
}

TEST_CASE("floor, rounding with halves to even", "[fast]") {
  CHECK(Rational(-7, 2).floor() == Rational(-4));
  CHECK(Rational(7, 2).floor() == Rational(3));
  CHECK(Rational(25, 10).round(0) == Rational(2));
  CHECK(Rational(35, 10).round(0) == Rational(4));
  CHECK(Rational(-25, 10).round(0) == Rational(-2));
  CHECK(Rational(1, 3).round(3) == Rational(333, 1000));
  CHECK(Rational(1250).round(-2) == Rational(1200));
  CHECK((digits("123456789012345678901234567890") / Rational(7)).floor().to_string() ==
        "17636684144620811271604938270");
}

TEST_CASE("powers and exact roots", "[fast]") {
  CHECK(Rational(2, 3).power(3) == Rational(8, 27));
  CHECK(Rational(-2, 3).power(-3) == Rational(-27, 8));
  CHECK(Rational(2).power(100).to_string() == "1267650600228229401496703205376");
  CHECK(Rational(2).power(100).root(50) == Rational(4));
  CHECK(Rational(9, 4).root(2) == Rational(3, 2));
  CHECK(Rational(-27).root(3) == Rational(-3));
  CHECK_FALSE(Rational(2).root(2).has_value());
  CHECK_FALSE(Rational(-4).root(2).has_value());
  CHECK_FALSE((Rational(10).power(40) + Rational(1)).root(2).has_value());
}

TEST_CASE("residues modulo primes", "[fast]") {
  constexpr std::uint64_t prime = (std::uint64_t{1} << 61U) - 1;
  auto const half = Rational(1, 2).modulo(prime);
  REQUIRE(half.has_value());
  CHECK(grove::math::multiply_modulo(*half, 2, prime) == 1);
  CHECK(Rational(-1).modulo(prime) == prime - 1);
  CHECK(Rational(2).power(61).modulo(prime) == 1);
  CHECK_FALSE(Rational(1, static_cast<std::int64_t>(prime)).modulo(prime).has_value());
  CHECK_FALSE((Rational(1) / Rational(2).power(80)).modulo(prime) == std::nullopt);
}

TEST_CASE("sizes and values as doubles", "[fast]") {
  CHECK(Rational(5, 8).bits() == 3 + 4);
  CHECK(Rational(5, 8).to_double() == 0.625);
  CHECK(Rational(10).power(30).to_double() == Approx(1e30));
  CHECK(Rational(7, 2).numerator() == Rational(7));
  CHECK(Rational(7, 2).denominator() == Rational(2));
}
