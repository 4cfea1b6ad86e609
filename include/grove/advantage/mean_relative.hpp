// SPDX-License-Identifier: Apache-2.0
// MaxRL's advantage: the distance to the group's mean in units of that mean,
//   A_i = (R_i - mean_group(R)) / mean_group(R), 0 where nothing was solved   (arXiv 2602.02710)
// repeated on each token of completion i, for rewards of 0 and 1. Its expectation is the gradient of the log-likelihood
// of a right answer, expanded in the probability of failing and cut off: sum_{k=1}^{G-1} (1 - p)^{k-1} grad p with G
// answers a problem. A group whose mean is not positive gets 0. prime-rl has it; TRL, verl and OpenRLHF do not.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"

namespace grove {

struct MeanRelative {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "MeanRelative"; }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    GroupedRewards const rewards(in);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      double const mean = rewards.moments(g).mean();
      if (mean <= 0) continue;
      for (auto const s : rewards.groups[g]) out.spread(in.episodes, s, (rewards.total[s] - mean) / mean);
    }
  }
};

}  // namespace grove
