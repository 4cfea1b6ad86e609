// SPDX-License-Identifier: Apache-2.0
// Advantages to mean 0 and variance 1 over the batch's tokens.
#pragma once

#include <algorithm>
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
#include "grove/objective/vector_units.hpp"

namespace grove::detail {

/// Sum of f over the tokens that enter the loss; eight sums side by side, so that additions do not wait for each other.
template <bool masked, std::floating_point T, class F>
double masked_sum(T const* x, std::uint8_t const* counts, std::size_t n, F const& f) {
  std::array<double, 8> lanes{};
  std::size_t t = 0;
  for (; t + 8 <= n; t += 8)
    for (std::size_t i = 0; i < 8; ++i) lanes[i] += !masked || counts[t + i] ? f(static_cast<double>(x[t + i])) : 0.0;
  for (; t < n; ++t) lanes[0] += !masked || counts[t] ? f(static_cast<double>(x[t])) : 0.0;
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

/// Moments of a sequence's advantages over the tokens that enter the loss, in double and in two passes; a NaN among
/// them is passed on, one elsewhere is not read.
template <bool masked, std::floating_point T>
RunningMoments token_moments(T const* x, std::uint8_t const* counts, std::size_t n) {
  std::size_t first = 0, count = n;
  if constexpr (masked) {
    while (first < n && !counts[first]) ++first;
    count = static_cast<std::size_t>(std::count_if(counts, counts + n, [](auto c) { return c != 0; }));
  }
  if (count == 0) return {};
  auto const origin = static_cast<double>(x[first]);
  double const mean =
      origin + masked_sum<masked>(x, counts, n, [=](double a) { return a - origin; }) / static_cast<double>(count);
  return {count, mean, masked_sum<masked>(x, counts, n, [=](double a) { return (a - mean) * (a - mean); })};
}

/// A <- (A - mean) / sqrt(variance + 1e-8) over the tokens that enter the loss, on all ranks; 0 on all other tokens.
/// Variance has ddof 1, as verl's and TRL's masked_whiten have it; NeMo's REINFORCE++ has 0. Equal advantages become 0.
template <std::floating_point T, Communicator C>
void whiten(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator, std::size_t threads) {
  auto const& cu = in.episodes.cu_seqlens;
  std::vector<RunningMoments> parts(in.episodes.sequences());
  bool const masked = !in.counts.empty();
  over_sequences(in.episodes, threads, [&](std::size_t s) {
    if (!in.counted(s)) return;
    T const* const x = out.advantage.data() + cu[s];
    on_vector_units([&, n = cu[s + 1] - cu[s]] {
      parts[s] = masked ? token_moments<true>(x, in.counts.data() + cu[s], n) : token_moments<false>(x, nullptr, n);
    });
  });
  auto const batch = batch_moments<C>(parts, communicator);
  double const mean = batch.mean(), scale = 1 / std::sqrt(batch.variance(1) + 1e-8);
  over_sequences(in.episodes, threads, [&](std::size_t s) {
    auto const advantage = out.advantage.subspan(cu[s], cu[s + 1] - cu[s]);
    if (!in.counted(s)) return std::fill(advantage.begin(), advantage.end(), T(0));
    on_vector_units([&] {
      for (T& x : advantage) x = static_cast<T>((static_cast<double>(x) - mean) * scale);
    });
    if (masked)
      for (std::size_t t = 0; t < advantage.size(); ++t)
        if (!in.counts[cu[s] + t]) advantage[t] = 0;
  });
}

}  // namespace grove::detail
