// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "grove/host_device.hpp"

namespace grove::cuda {

/// Count, mean and sum of squared distances to it: what threads combine in one pass over the data (Chan, Golub and
/// LeVeque 1979).
template <std::floating_point T>
struct Moments {
  T count = 0, mean = 0, squares = 0;

  /// Of one number.
  GROVE_HOST_DEVICE static constexpr Moments of(T x) { return {1, x, 0}; }
};

template <std::floating_point T>
GROVE_HOST_DEVICE constexpr Moments<T> combine(Moments<T> a, Moments<T> b) {
  if (b.count == 0) return a;
  if (a.count == 0) return b;
  T const count = a.count + b.count, delta = b.mean - a.mean;
  return {count, a.mean + delta * (b.count / count),
          a.squares + b.squares + delta * delta * (a.count * b.count / count)};
}

}  // namespace grove::cuda
