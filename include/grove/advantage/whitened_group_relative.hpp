// SPDX-License-Identifier: Apache-2.0
// REINFORCE++-baseline's advantage: the distance to the mean of the answers to the same problem, whitened over the
// batch,
//   A_i = (D_i - mean(D)) / sqrt(var(D) + 1e-8),   D_i = R_i - mean_group(R)   (arXiv 2501.03262)
// on each token of completion i; mean and variance over all tokens that enter the loss on all ranks, so a long answer
// counts for each of its tokens, as in verl and NeMo. The paper has the KL (k2) in the loss, so that D is the same for
// all tokens; rewards of single tokens count in R. The variance has ddof 1 as in verl, 0 in NeMo; a group of one has
// D = 0, in verl its raw reward.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/groups.hpp"
#include "grove/advantage/whiten.hpp"
#include "grove/columns.hpp"
#include "grove/concepts.hpp"

namespace grove {

struct WhitenedGroupRelative {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "WhitenedGroupRelative"; }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    GroupedRewards const rewards(in);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      double const mean = rewards.moments(g).mean();
      for (auto const s : rewards.groups[g]) out.spread(in.episodes, s, rewards.total[s] - mean);
    }
    detail::whiten(in, out, communicator, 0);
  }
};

}  // namespace grove
