// SPDX-License-Identifier: Apache-2.0
// Decisions of a sequence where others' tokens (a tool's answer, say) lie between them.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "grove/advantage/estimate.hpp"
#include "grove/episodes.hpp"

namespace grove::detail {

/// The environment's ranges that touch sequence s.
inline std::span<const TokenRange> environment_of(Episodes const& episodes, std::size_t s) {
  auto const& all = episodes.environment;
  auto const first = std::partition_point(all.begin(), all.end(),
                                          [&](TokenRange range) { return range.end <= episodes.cu_seqlens[s]; });
  auto const last = std::partition_point(first, all.end(),
                                         [&](TokenRange range) { return range.begin < episodes.cu_seqlens[s + 1]; });
  return {first, last};
}

/// Number of tokens of sequence s that the policy chose.
inline std::size_t chosen_length(Episodes const& episodes, std::size_t s) {
  std::size_t const begin = episodes.cu_seqlens[s], end = episodes.cu_seqlens[s + 1];
  std::size_t length = end - begin;
  for (auto range : environment_of(episodes, s)) length -= std::min(range.end, end) - std::max(range.begin, begin);
  return length;
}

/// What each decision of sequence s earned, and where it stands. What was earned at the environment's tokens belongs to
/// the decision before them; what came before the first decision belongs to none.
struct Decisions {
  std::vector<std::size_t> token;  ///< index in the packed batch
  std::vector<double> earned;

  template <std::floating_point T>
  void assign(EstimatorInput<T> const& in, std::size_t s) {
    token.clear();
    earned.clear();
    auto const ranges = environment_of(in.episodes, s);
    auto range = ranges.begin();
    for (auto t = in.episodes.cu_seqlens[s]; t < in.episodes.cu_seqlens[s + 1]; ++t) {
      while (range != ranges.end() && range->end <= t) ++range;
      bool const chosen = range == ranges.end() || t < range->begin;
      if (chosen) {
        token.push_back(t);
        earned.push_back(in.earned(s, t));
      } else if (!earned.empty()) {
        earned.back() += in.earned(s, t);
      }
    }
  }
};

}  // namespace grove::detail
