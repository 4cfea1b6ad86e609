// SPDX-License-Identifier: Apache-2.0
// Pass@k training with k = G: the group earns its best reward, and each completion what the group would lose without
// it,
//   A_i = max_group(R) - max_{j != i} R_j: the distance of the best to the second best, 0 for all others
// (arXiv 2503.19595), on each token of completion i. Unscaled, it gives the unbiased gradient of the expected best of
// G. verl's grpo_passk divides by the group's deviation (ddof 1) + 1e-6 unless told not to: MaxMinusSecond<OverGroup>.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"
#include "grove/option.hpp"

namespace grove {

template <class Scale = Unscaled>
struct MaxMinusSecond {
  static_assert(std::same_as<Scale, OverGroup> || std::same_as<Scale, Unscaled>,
                "grove::MaxMinusSecond: the difference is divided by the group's deviation or not at all; use "
                "OverGroup or Unscaled.");

  std::size_t ddof = 1;
  double eps = 1e-4;  ///< verl's is 1e-6

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "MaxMinusSecond<" + std::string(Scale::name) + ">"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    if constexpr (std::same_as<Scale, OverGroup>) {
      visit(Option{"ddof", "the deviation of rewards divides by n - ddof", between(0, 1)}, self.ddof);
      visit(Option{"eps", "is added to the deviation of rewards", at_least(0)}, self.eps);
    }
  }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    GroupedRewards const rewards(in);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      auto const members = rewards.groups[g];
      if (members.size() < 2) continue;
      auto const moments = rewards.moments(g);
      if (std::isnan(moments.mean())) {
        for (auto const s : members) out.spread(in.episodes, s, moments.mean());
        continue;
      }
      std::size_t best = members[0];
      for (auto const s : members)
        if (rewards.total[s] > rewards.total[best]) best = s;
      double second = -INFINITY;
      for (auto const s : members)
        if (s != best) second = std::max(second, rewards.total[s]);
      double const scale = std::same_as<Scale, OverGroup> ? moments.deviation(ddof) + eps : 1.0;
      out.spread(in.episodes, best, detail::scaled(rewards.total[best] - second, scale));
    }
  }
};

}  // namespace grove
