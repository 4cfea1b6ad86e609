// SPDX-License-Identifier: Apache-2.0
#include "grove/scalar.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "support/catch.hpp"

using grove::exponential;
using grove::exponential_remainder;

static_assert(exponential(0.0) == 1.0 && exponential(0.0f) == 1.0f);
static_assert(exponential(1.0) > 2.7182818284590446 && exponential(1.0) < 2.7182818284590460);
static_assert(exponential_remainder(0.0) == 0.0 && exponential_remainder(0.0f) == 0.0f);
static_assert(grove::smaller(1.0, 2.0) == 1.0 && grove::larger(1.0, 2.0) == 2.0);

namespace {

/// What exact values are computed in.
template <std::floating_point T>
using Wide = std::conditional_t<std::same_as<T, float>, double, long double>;

/// Distance from the exact result in units of the last place.
template <std::floating_point T>
double ulps(T got, Wide<T> exact) {
  T const rounded = std::abs(static_cast<T>(exact));
  T const next = std::nextafter(rounded, std::numeric_limits<T>::infinity());
  return static_cast<double>(std::abs(static_cast<Wide<T>>(got) - exact) / (static_cast<Wide<T>>(next) - rounded));
}

/// e^x - 1 - x; a series where the direct formula cancels.
template <std::floating_point W>
W exact_remainder(W x) {
  if (std::abs(x) > W(1e-2)) return std::expm1(x) - x;
  W sum = 0, term = x;
  for (int k = 2; k < 12; ++k) sum += term *= x / k;
  return sum;
}

struct Worst {
  double exponential = 0, remainder = 0;
  bool negative = false;

  template <std::floating_point T>
  void add(T x) {
    exponential = std::max(exponential, ulps(grove::exponential(x), std::exp(static_cast<Wide<T>>(x))));
    T const remainder_of_x = exponential_remainder(x);
    negative |= remainder_of_x < 0;
    // The smallest ones are not normal numbers any more.
    if (std::abs(x) > (std::same_as<T, float> ? T(1e-15) : T(1e-140)))
      remainder = std::max(remainder, ulps(remainder_of_x, exact_remainder(static_cast<Wide<T>>(x))));
  }
};

Worst over_floats(std::uint64_t step) {
  Worst worst;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += step) {
    auto const x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::abs(x) <= 80) worst.add(x);
  }
  return worst;
}

}  // namespace

TEST_CASE("float exponential is within 2 ulp over its range") {
  auto const worst = over_floats(10007);
  CHECK(worst.exponential < 2);
  CHECK(worst.remainder < 16);
  CHECK(!worst.negative);
}

TEST_CASE("float exponential is within 2 ulp at every float of its range", "[full]") {
  auto const worst = over_floats(1);
  CHECK(worst.exponential < 2);
  CHECK(worst.remainder < 16);
  CHECK(!worst.negative);
}

TEST_CASE("double exponential is within 2 ulp over its range") {
  Worst worst;
  for (int i = -700000; i <= 700000; ++i) worst.add(i * 1e-3 * (1 - 1e-10 * std::abs(i)));
  for (double x = 1e-139; x < 700; x *= 1.003) {
    worst.add(x);
    worst.add(-x);
  }
  CHECK(worst.exponential < 2);
  CHECK(worst.remainder < 16);
  CHECK(!worst.negative);
}

TEST_CASE("a huge argument saturates to a finite number") {
  float const largest = std::numeric_limits<float>::max(), infinity = std::numeric_limits<float>::infinity();
  for (float const x : {81.0f, 1e4f, largest, infinity}) {
    CHECK(exponential(x) == exponential(80.0f));
    CHECK(exponential(-x) == exponential(-80.0f));
    CHECK(exponential_remainder(x) == exponential_remainder(80.0f));
  }
  CHECK(std::isfinite(exponential(80.0f)));
  CHECK(exponential(-80.0f) > 0);
  CHECK(exponential(1e6) == exponential(700.0));
  CHECK(std::isfinite(exponential(700.0)));
  CHECK(exponential(-700.0) > 0);
}

TEST_CASE("no number in, no number out") {
  CHECK(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(exponential(std::numeric_limits<double>::quiet_NaN())));
}
