// SPDX-License-Identifier: Apache-2.0
// GPG's advantage: the distance to the group's mean, scaled up by the share of samples that give a gradient at all,
//   A_i = alpha (R_i - mean_group(R)) / F_norm,   alpha = B / (B - M)   (arXiv 2504.02546)
// repeated on each token of completion i; B is the number of samples of the batch on all ranks and M how many of them
// lie in groups of equal rewards. The paper's best F_norm is 1. Its loss is plain policy gradient: no ratio, clip or
// KL. verl's `gpg` counts samples whose *reward* is 0 for M, so that its alpha depends on where the rewards' zero lies;
// the authors' own trainer divides its loss by (B - M) / B + 1e-5.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/option.hpp"

namespace grove {

struct SignalScaled {
  double f_norm = 1;

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "SignalScaled"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"f_norm", "divides advantages", above(0)}, self.f_norm);
  }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    GroupedRewards const rewards(in);
    auto const moments = rewards.moments();
    std::array<double, 2> samples{};  // all, and those with a signal
    for (auto const& group : moments) {
      samples[0] += static_cast<double>(group.count());
      if (group.deviation(0) != 0) samples[1] += static_cast<double>(group.count());
    }
    communicator.all_reduce_sum(samples);
    double const alpha = detail::scaled(samples[0], samples[1]);
    for (std::size_t g = 0; g < moments.size(); ++g)
      for (auto const s : rewards.groups[g])
        out.spread(in.episodes, s, alpha * (rewards.total[s] - moments[g].mean()) / f_norm);
  }
};

}  // namespace grove
