// SPDX-License-Identifier: Apache-2.0
// Advantages to mean 0 and variance 1 over the batch's tokens.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "grove/advantage/batch_moments.hpp"
#include "grove/advantage/estimate.hpp"
#include "grove/advantage/over_sequences.hpp"
#include "grove/concepts.hpp"

namespace grove::detail {

/// Moments of a sequence's advantages over the tokens that enter the loss, in double and in two passes; a NaN among
/// them is passed on, one elsewhere is not read. Eight sums side by side, so that additions do not wait for each other.
template <std::floating_point T>
RunningMoments token_moments(T const* x, std::uint8_t const* counts, std::size_t n) {
  std::size_t first = 0, count = 0;
  while (first < n && counts && !counts[first]) ++first;
  if (first == n) return {};
  auto const origin = static_cast<double>(x[first]);
  auto const sum = [&](auto const& f) {
    std::array<double, 8> lanes{};
    std::size_t t = 0;
    for (; t + 8 <= n; t += 8)
      for (std::size_t i = 0; i < 8; ++i) lanes[i] += !counts || counts[t + i] ? f(static_cast<double>(x[t + i])) : 0.0;
    for (; t < n; ++t) lanes[0] += !counts || counts[t] ? f(static_cast<double>(x[t])) : 0.0;
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
  };
  for (std::size_t t = 0; t < n; ++t) count += !counts || counts[t];
  double const mean = origin + sum([&](double a) { return a - origin; }) / static_cast<double>(count);
  return {count, mean, sum([&](double a) { return (a - mean) * (a - mean); })};
}

/// A <- (A - mean) / sqrt(variance + 1e-8) over the tokens that enter the loss, on all ranks; 0 on all other tokens.
/// Variance has ddof 1, as verl's and TRL's masked_whiten have it; NeMo's REINFORCE++ has 0. Equal advantages become 0.
template <std::floating_point T, Communicator C>
void whiten(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator, std::size_t threads) {
  auto const& cu = in.episodes.cu_seqlens;
  std::vector<RunningMoments> parts(in.episodes.sequences());
  over_sequences(in.episodes, threads, [&](std::size_t s) {
    if (in.counted(s))
      parts[s] = token_moments(out.advantage.data() + cu[s], in.counts.empty() ? nullptr : in.counts.data() + cu[s],
                               cu[s + 1] - cu[s]);
  });
  auto const batch = batch_moments<C>(parts, communicator);
  double const scale = 1 / std::sqrt(batch.variance(1) + 1e-8);
  over_sequences(in.episodes, threads, [&](std::size_t s) {
    bool const counted = in.counted(s);
    for (std::size_t t = cu[s]; t < cu[s + 1]; ++t)
      out.advantage[t] = counted && (in.counts.empty() || in.counts[t])
                             ? static_cast<T>((static_cast<double>(out.advantage[t]) - batch.mean()) * scale)
                             : T(0);
  });
}

}  // namespace grove::detail
