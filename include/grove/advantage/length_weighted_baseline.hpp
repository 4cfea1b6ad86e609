// SPDX-License-Identifier: Apache-2.0
// OPO's advantage: the reward against the baseline that gives the policy gradient the least variance if a token's
// gradient has the same norm everywhere, the mean weighted by length,
//   A_i = R_i - sum_j l_j R_j / sum_j l_j   (arXiv 2505.23585)
// repeated on each token of completion i; l counts the tokens the policy chose. The paper trains exactly on-policy, one
// update a batch, without clipping or KL. verl has the same; a group of one gets 0 here, in verl its raw reward.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/chosen_tokens.hpp"
#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"

namespace grove {

struct LengthWeightedBaseline {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "LengthWeightedBaseline"; }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    GroupedRewards const rewards(in);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      auto const members = rewards.groups[g];
      double const origin = rewards.total[members[0]];  // distances to it vanish where all rewards are equal
      double weight = 0, sum = 0;
      for (auto const s : members) {
        auto const length = static_cast<double>(detail::chosen_length(in.episodes, s));
        weight += length;
        sum += length * (rewards.total[s] - origin);
      }
      if (weight == 0) continue;
      for (auto const s : members) out.spread(in.episodes, s, (rewards.total[s] - origin) - sum / weight);
    }
  }
};

}  // namespace grove
