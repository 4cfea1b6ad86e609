// SPDX-License-Identifier: Apache-2.0
// Branch-free exponential for objectives: `std::exp` neither vectorises nor is constexpr on every compiler we support.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "grove/host_device.hpp"

namespace grove {

namespace detail {
template <std::floating_point T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
}

/// a where the condition holds, else b, by their bits: compilers that mind floating-point traps turn ?: between results
/// into a branch, and a loop with branches into no vector instructions.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T choose(bool condition, T a, T b) {
  using Bits = detail::BitsOf<T>;
  Bits const mask = static_cast<Bits>(-static_cast<Bits>(condition));
  return std::bit_cast<T>(
      static_cast<Bits>((std::bit_cast<Bits>(a) & mask) | (std::bit_cast<Bits>(b) & static_cast<Bits>(~mask))));
}

/// min and max of two numbers. The first one is the answer where they are equal or where it is not a number, so that a
/// NaN in the first place is passed on. Derivatives at a tie are the caller's to decide.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T smaller(T a, T b) {
  return choose(b < a, b, a);
}
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T larger(T a, T b) {
  return choose(a < b, b, a);
}

/// 1 where a condition holds, else 0. Conditions inside it are joined by & and |: a second one that is only looked at
/// where the first holds is a branch, and no vector instruction.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T indicator(bool condition) {
  return choose(condition, T(1), T(0));
}

/// The share of a in the derivative of min(a, b): 1 where a is smaller, a half where they are equal (torch's
/// convention), else 0.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T share_of_min(T a, T b) {
  return choose(a < b, T(0.5), T(0)) + choose(a <= b, T(0.5), T(0));
}

namespace detail {

/// The parts of e^x = 2^n (1 + r + r^2 q): x = n ln 2 + r with |r| <= ln 2 / 2, q a polynomial in r. They are right for
/// |x| <= largest_exponent<T>, whatever for others.
template <std::floating_point T>
struct ExponentialParts {
  T scale;  ///< 2^n
  T r;
  T q;
};

template <std::floating_point T>
inline constexpr T largest_exponent = sizeof(T) == 4 ? T(80) : T(700);

/// f(x), and beyond the largest exponent what it is there, so that a huge log-ratio gives a huge, finite number; NaN
/// stays NaN. The bounds are looked at beside f, which would wait for them if x were cut before it.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T saturated(T x, T value, T at_lowest, T at_highest) {
  return choose(x > largest_exponent<T>, at_highest, choose(x < -largest_exponent<T>, at_lowest, value));
}

GROVE_HOST_DEVICE constexpr ExponentialParts<float> exponential_parts(float x) {
  constexpr float round_to_integer = 12582912.0f;  // 1.5 * 2^23: what is added to it ends up in its last bits
  float const shifted = x * 1.44269504f + round_to_integer;
  float const n = shifted - round_to_integer;
  float const r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float const r2 = r * r;  // in pairs, so that fewer multiplications wait for each other
  float const q = ((1.9875691500e-4f * r + 1.3981999507e-3f) * r2 + (8.3334519073e-3f * r + 4.1665795894e-2f)) * r2 +
                  (1.6666665459e-1f * r + 5.0000001201e-1f);
  return {std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) + 127u) << 23), r, q};
}

GROVE_HOST_DEVICE constexpr ExponentialParts<double> exponential_parts(double x) {
  constexpr double round_to_integer = 6755399441055744.0;  // 1.5 * 2^52
  double const shifted = x * 1.4426950408889634074 + round_to_integer;
  double const n = shifted - round_to_integer;
  double const r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
  // Taylor to r^13 / 13!: the remainder at |r| = ln 2 / 2 is 4e-18.
  double q = 1.0 / 6227020800.0;
  q = q * r + 1.0 / 479001600.0;
  q = q * r + 1.0 / 39916800.0;
  q = q * r + 1.0 / 3628800.0;
  q = q * r + 1.0 / 362880.0;
  q = q * r + 1.0 / 40320.0;
  q = q * r + 1.0 / 5040.0;
  q = q * r + 1.0 / 720.0;
  q = q * r + 1.0 / 120.0;
  q = q * r + 1.0 / 24.0;
  q = q * r + 1.0 / 6.0;
  q = q * r + 0.5;
  return {std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023u) << 52), r, q};
}

}  // namespace detail

/// e^x within 2 ulp for |x| <= 80 (float) or 700 (double); beyond, its value at that bound.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T exponential(T x) {
  auto const at = [](T y) {
    auto const e = detail::exponential_parts(y);
    return (e.q * (e.r * e.r) + e.r + T(1)) * e.scale;
  };
  constexpr T bound = detail::largest_exponent<T>, lowest = at(-bound), highest = at(bound);
  return detail::saturated(x, at(x), lowest, highest);
}

/// e^x - 1 - x without cancellation: never negative, and within 16 ulp also near 0, where it is x^2 / 2. Saturates as
/// `exponential` does.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T exponential_remainder(T x) {
  auto const at = [](T y) {
    auto const e = detail::exponential_parts(y);
    return e.scale * (e.q * (e.r * e.r)) + ((e.scale * e.r - y) + (e.scale - T(1)));
  };
  constexpr T bound = detail::largest_exponent<T>, lowest = at(-bound), highest = at(bound);
  return detail::saturated(x, at(x), lowest, highest);
}

}  // namespace grove
