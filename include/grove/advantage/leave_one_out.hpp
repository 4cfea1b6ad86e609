// SPDX-License-Identifier: Apache-2.0
// RLOO's advantage: a completion's reward against the mean of the other answers to the same problem,
//   A_i = R_i - sum_{j != i} R_j / (G - 1) = G / (G - 1) * (R_i - mean_group(R))   (arXiv 2402.14740)
// repeated on each token of completion i. The gradient it gives is unbiased, since the baseline does not contain R_i.
// TRL, verl, OpenRLHF and NeMo compute the same; a group of one gets 0 here, in verl its raw reward.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"

namespace grove {

struct LeaveOneOut {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "LeaveOneOut"; }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    GroupedRewards const rewards(in);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      auto const moments = rewards.moments(g);
      if (moments.count() < 2) continue;
      auto const n = static_cast<double>(moments.count());
      for (auto const s : rewards.groups[g])
        out.spread(in.episodes, s, (rewards.total[s] - moments.mean()) * n / (n - 1));
    }
  }
};

}  // namespace grove
