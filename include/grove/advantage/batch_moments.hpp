// SPDX-License-Identifier: Apache-2.0
// Moments over the whole batch, on however many ranks it lies.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "grove/advantage/running_moments.hpp"
#include "grove/concepts.hpp"

namespace grove {

/// The moments of all parts of all ranks together. Two reductions: distances are taken to the common mean, so nothing
/// cancels, and equal numbers keep exactly their value as mean.
template <Communicator C>
RunningMoments batch_moments(std::span<const RunningMoments> parts, C& communicator) {
  std::array<double, 2> first{};
  for (auto const& part : parts) {
    first[0] += static_cast<double>(part.count());
    if (part.count()) first[1] += static_cast<double>(part.count()) * part.mean();
  }
  communicator.all_reduce_sum(first);
  double const n = first[0];
  if (n == 0) return {};
  double const about = first[1] / n;

  std::array<double, 2> second{};
  for (auto const& part : parts) {
    if (part.count() == 0) continue;
    double const apart = part.mean() - about;
    second[0] += static_cast<double>(part.count()) * apart;
    second[1] += part.squares() + static_cast<double>(part.count()) * apart * apart;
  }
  communicator.all_reduce_sum(second);
  double const drift = second[0] / n;  // what rounding left in `about`
  double const squares = second[1] - n * drift * drift;
  return {static_cast<std::size_t>(n), about + drift, squares < 0 ? 0.0 : squares};
}

}  // namespace grove
