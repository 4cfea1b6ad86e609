// SPDX-License-Identifier: Apache-2.0
#include "grove/io/bf16.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using grove::io::bf16_to_f32;
using grove::io::f16_to_f32;
using grove::io::f32_to_bf16;

namespace {

/// The definition of an IEEE half, by arithmetic.
float half_by_definition(unsigned bits) {
  double const sign = (bits & 0x8000) != 0 ? -1 : 1;
  int const exponent = static_cast<int>((bits >> 10) & 31);
  double const fraction = (bits & 1023) / 1024.0;
  if (exponent == 31)
    return static_cast<float>(fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                                            : std::numeric_limits<double>::quiet_NaN());
  return static_cast<float>(exponent == 0 ? sign * std::ldexp(fraction, -14)
                                          : sign * std::ldexp(1 + fraction, exponent - 15));
}

}  // namespace

static_assert(bf16_to_f32(0x3f80) == 1.0f && f32_to_bf16(1.0f) == 0x3f80, "usable at compile time");
static_assert(f16_to_f32(0x0001) == 0x1p-24f && f16_to_f32(0xfbff) == -65504.0f);

TEST_CASE("every half has the value of its definition") {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    float const value = f16_to_f32(static_cast<std::uint16_t>(bits));
    float const wanted = half_by_definition(bits);
    bool const same =
        std::isnan(wanted) ? std::isnan(value) : value == wanted && std::signbit(value) == std::signbit(wanted);
    if (!same) FAIL("half " << bits << " gives " << value << ", not " << wanted);
  }
}

TEST_CASE("every bf16 survives the way through f32, NaNs as NaNs") {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    float const value = bf16_to_f32(static_cast<std::uint16_t>(bits));
    std::uint16_t const back = f32_to_bf16(value);
    bool const same = std::isnan(value) ? std::isnan(bf16_to_f32(back)) : back == bits;
    if (!same) FAIL("bf16 " << bits << " comes back as " << back);
  }
}

TEST_CASE("f32 to bf16 rounds to nearest, ties to even, and keeps NaNs") {
  auto const round = [](std::uint32_t bits) { return f32_to_bf16(std::bit_cast<float>(bits)); };
  CHECK(round(0x3f807fff) == 0x3f80);
  CHECK(round(0x3f808000) == 0x3f80);  // a tie, down to the even one
  CHECK(round(0x3f808001) == 0x3f81);
  CHECK(round(0x3f818000) == 0x3f82);  // a tie, up to the even one
  CHECK(round(0x7f7fffff) == 0x7f80);  // the largest float overflows to infinity
  CHECK(round(0xff800000) == 0xff80);
  CHECK(round(0x7f800001) == 0x7fc0);  // a NaN whose payload is only in the lost bits
  CHECK(round(0xffffffff) == 0xffff);
}
