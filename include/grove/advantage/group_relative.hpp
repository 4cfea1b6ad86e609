// SPDX-License-Identifier: Apache-2.0
// GRPO's advantage: a completion's reward against those of the other answers to the same problem,
//   A_i = (R_i - mean_group(R)) / (std(R) + eps)   (arXiv 2402.03300, section 4.1.2)
// repeated on each token of completion i; a group of equal rewards gets exactly 0. Which rewards the deviation is taken
// over is part of the type: the group's (GRPO), the batch's (LitePPO, arXiv 2508.08221; TRL's
// scale_rewards = batch) or none (Dr. GRPO, arXiv 2503.20783).
//
// The papers leave ddof and eps open: TRL has 1 and 1e-4, verl 1 and 1e-6, OpenRLHF 1 and 1e-9. A group of one gets 0
// here; verl lets its raw reward through. OpenRLHF adds the KL in the reward after the division, here it is part of R.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "grove/advantage/batch_moments.hpp"
#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"
#include "grove/option.hpp"

namespace grove {

struct OverGroup {
  static constexpr std::string_view name = "OverGroup";
};
struct OverBatch {
  static constexpr std::string_view name = "OverBatch";
};
/// No division.
struct Unscaled {
  static constexpr std::string_view name = "Unscaled";
};

template <class Scale = OverGroup>
struct GroupRelative {
  static_assert(std::same_as<Scale, OverGroup> || std::same_as<Scale, OverBatch> || std::same_as<Scale, Unscaled>,
                "grove::GroupRelative: its argument says which rewards the deviation is taken over; use OverGroup, "
                "OverBatch or Unscaled.");

  std::size_t ddof = 1;
  double eps = 1e-4;

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "GroupRelative<" + std::string(Scale::name) + ">"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    if constexpr (!std::same_as<Scale, Unscaled>) {
      visit(Option{"ddof", "the deviation of rewards divides by n - ddof", between(0, 1)}, self.ddof);
      visit(Option{"eps", "is added to the deviation of rewards", at_least(0)}, self.eps);
    }
  }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const requires(!std::same_as<Scale, OverBatch>) {
    GroupedRewards const rewards(in);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      auto const moments = rewards.moments(g);
      double const scale = std::same_as<Scale, OverGroup> ? moments.deviation(ddof) + eps : 1.0;
      spread(in, out, rewards, g, moments.mean(), scale);
    }
  }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const
      requires(std::same_as<Scale, OverBatch>) {
    GroupedRewards const rewards(in);
    auto const moments = rewards.moments();
    double const scale = batch_moments<C>(moments, communicator).deviation(ddof) + eps;
    for (std::size_t g = 0; g < moments.size(); ++g) spread(in, out, rewards, g, moments[g].mean(), scale);
  }

 private:
  template <std::floating_point T>
  static void spread(EstimatorInput<T> const& in, EstimatorOutput<T> out, GroupedRewards const& rewards,
                     std::size_t group, double mean, double scale) {
    for (auto const s : rewards.groups[group])
      out.spread(in.episodes, s, detail::scaled(rewards.total[s] - mean, scale));
  }
};

}  // namespace grove
