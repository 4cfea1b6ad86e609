// SPDX-License-Identifier: Apache-2.0
// The k largest of numbers that are spread over ranks, found by adding histograms of their bits: no rank sees another's
// numbers, and the outcome does not depend on how they are spread.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace grove::detail {

/// Orders as the number does: an integer that is larger for a larger number.
inline std::uint64_t ordered_bits(double x) {
  auto const bits = std::bit_cast<std::uint64_t>(x);
  return bits >> 63 ? ~bits : bits | (std::uint64_t{1} << 63);
}
inline double from_ordered_bits(std::uint64_t bits) {
  return std::bit_cast<double>(bits >> 63 ? bits & ~(std::uint64_t{1} << 63) : ~bits);
}

/// The k-th largest (k from 1) of all ranks' numbers, -infinity left out; -infinity if there are fewer than k.
template <class C>
double kth_largest(std::span<const double> numbers, double k, C& communicator) {
  std::uint64_t prefix = 0, mask = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    std::array<double, 256> histogram{};
    for (double x : numbers)
      if (x != -HUGE_VAL && (ordered_bits(x) & mask) == prefix) ++histogram[ordered_bits(x) >> shift & 255];
    communicator.all_reduce_sum(histogram);
    int digit = 255;
    while (digit >= 0 && k > histogram[static_cast<std::size_t>(digit)])
      k -= histogram[static_cast<std::size_t>(digit--)];
    if (digit < 0) return -HUGE_VAL;
    prefix |= static_cast<std::uint64_t>(digit) << shift;
    mask |= std::uint64_t{255} << shift;
  }
  return from_ordered_bits(prefix);
}

/// Sets selected[i] to 1 for the k largest numbers; numbers that equal the k-th are all taken. -infinity never is.
template <std::floating_point T, class C>
void select_largest(std::span<const double> numbers, double k, C& communicator, std::span<T> selected) {
  double const threshold = kth_largest(numbers, k, communicator);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    selected[i] = numbers[i] != -HUGE_VAL && numbers[i] >= threshold ? T(1) : T(0);
}

}  // namespace grove::detail
