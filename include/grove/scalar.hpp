// SPDX-License-Identifier: Apache-2.0
// Branch-free exponential for objectives: `std::exp` neither vectorises nor is constexpr on every compiler we support.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

#include "grove/host_device.hpp"

namespace grove {

/// min and max of two numbers with torch's rule for ties in mind: callers decide the derivative, not these.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T smaller(T a, T b) {
  return b < a ? b : a;
}
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr T larger(T a, T b) {
  return a < b ? b : a;
}

/// e^x within 2 ulp for |x| <= 80 (float) or 700 (double). Beyond these bounds the argument saturates, so that a huge
/// log-ratio gives a huge, finite number. Method: x = n ln 2 + r, polynomial in r, exponent bits for 2^n.
GROVE_HOST_DEVICE constexpr float exponential(float x) {
  x = larger(-80.0f, smaller(80.0f, x));
  constexpr float round_to_integer = 12582912.0f;  // 1.5 * 2^23
  float const n = (x * 1.44269504f + round_to_integer) - round_to_integer;
  float const r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  auto const scale = std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
  return p * scale;
}

GROVE_HOST_DEVICE constexpr double exponential(double x) {
  x = larger(-700.0, smaller(700.0, x));
  constexpr double round_to_integer = 6755399441055744.0;  // 1.5 * 2^52
  double const n = (x * 1.4426950408889634074 + round_to_integer) - round_to_integer;
  double const r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
  // Taylor to r^13 / 13!: the remainder at |r| = ln 2 / 2 is 4e-18.
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r * r + r + 1.0;
  auto const scale = std::bit_cast<double>((static_cast<std::int64_t>(n) + 1023) << 52);
  return p * scale;
}

}  // namespace grove
