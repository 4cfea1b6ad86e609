// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "grove/random.hpp"

namespace grove::eval {

struct Interval {
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

struct BootstrapOptions {
  std::size_t resamples = 10'000;
  double level = 0.95;
  std::uint64_t seed = 0;
};

/// The quantile q of sorted values, linear between neighbours (numpy's default).
inline double quantile(std::span<double const> sorted, double q) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  double const place = q * static_cast<double>(sorted.size() - 1);
  auto const below = static_cast<std::size_t>(place);
  std::size_t const above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// Percentile interval of the mean (Efron and Tibshirani, 1993, chapter 13): `values`, one a problem, are drawn with
/// replacement. The same values in the same order and the same seed give the same interval. NaN where there is no
/// value.
inline Interval bootstrap_mean(std::span<double const> values, BootstrapOptions const& options = {}) {
  if (values.empty() || options.resamples == 0) return {};
  auto const n = static_cast<std::uint32_t>(values.size());
  RandomStream const stream({options.seed, Purpose::Bootstrap});
  std::vector<double> means(options.resamples);
  for (std::size_t r = 0; r < means.size(); ++r) {
    RandomSequence random(stream, r);
    double sum = 0;
    for (std::uint32_t i = 0; i < n; ++i) sum += values[random.below(n)];
    means[r] = sum / n;
  }
  std::ranges::sort(means);
  double const tail = (1.0 - options.level) / 2.0;
  return {quantile(means, tail), quantile(means, 1.0 - tail)};
}

}  // namespace grove::eval
