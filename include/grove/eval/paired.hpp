// SPDX-License-Identifier: Apache-2.0
// Two policies on the same problems: differences problem by problem vary less than the scores themselves.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/eval/bootstrap.hpp"
#include "grove/metrics/statistics.hpp"
#include "grove/random.hpp"

namespace grove::eval {

struct PairedComparison {
  std::size_t problems = 0;
  double first = 0, second = 0;  ///< means
  double difference = 0;         ///< second - first
  double standard_error = 0;     ///< of the difference, over problems (n - 1)
  Interval interval{};           ///< 95 %, bootstrap over problems
  double p_value = 1;            ///< two-sided, of the hypothesis that the sign of each difference is a coin's
  std::size_t better = 0, worse = 0, equal = 0;  ///< problems on which the second is so
};

namespace detail {

/// The share of sign patterns of the differences whose sum is as far from 0 as the one seen: all of them up to 2^16,
/// else `draws` random ones and the pattern seen itself.
inline double sign_flip_p_value(std::span<double const> differences, std::uint64_t seed, std::size_t draws = 20'000) {
  std::vector<double> changes;
  double seen = 0;
  for (double const d : differences) {
    if (d != 0) changes.push_back(d);
    seen += d;
  }
  double const bar = std::abs(seen) - 1e-9;  // sums in another order differ in their last digits
  std::size_t const n = changes.size();
  std::size_t as_far = 0;
  if (n <= 16) {
    std::size_t const patterns = std::size_t{1} << n;
    for (std::size_t pattern = 0; pattern < patterns; ++pattern) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) sum += (pattern >> i & 1U) != 0 ? -changes[i] : changes[i];
      as_far += std::abs(sum) >= bar ? 1 : 0;
    }
    return static_cast<double>(as_far) / static_cast<double>(patterns);
  }
  RandomStream const stream({seed, Purpose::Bootstrap}, 1);
  for (std::size_t draw = 0; draw < draws; ++draw) {
    RandomSequence random(stream, draw);
    double sum = 0;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (i % 64 == 0) bits = random();
      sum += (bits >> (i % 64) & 1U) != 0 ? -changes[i] : changes[i];
    }
    as_far += std::abs(sum) >= bar ? 1 : 0;
  }
  return static_cast<double>(as_far + 1) / static_cast<double>(draws + 1);
}

}  // namespace detail

/// `first` and `second`: one score a problem, in the same order. Throws Error for none or unequal numbers of them.
inline PairedComparison compare_paired(std::span<double const> first, std::span<double const> second,
                                       BootstrapOptions const& bootstrap = {}) {
  if (first.empty() || first.size() != second.size())
    throw Error("compare_paired", std::to_string(first.size()) + " scores beside " + std::to_string(second.size()),
                "one of each for every problem");
  PairedComparison c{.problems = first.size()};
  std::vector<double> differences;
  metrics::Statistics a, b, d;
  for (std::size_t i = 0; i < first.size(); ++i) {
    differences.push_back(second[i] - first[i]);
    a.add(first[i]);
    b.add(second[i]);
    d.add(differences.back());
    ++(differences.back() > 0 ? c.better : differences.back() < 0 ? c.worse : c.equal);
  }
  c.first = a.mean();
  c.second = b.mean();
  c.difference = d.mean();
  c.standard_error = d.standard_deviation() / std::sqrt(static_cast<double>(first.size()));
  c.interval = bootstrap_mean(differences, bootstrap);
  c.p_value = detail::sign_flip_p_value(differences, bootstrap.seed);
  return c;
}

}  // namespace grove::eval
