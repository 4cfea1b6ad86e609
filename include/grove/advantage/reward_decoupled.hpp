// SPDX-License-Identifier: Apache-2.0
// GDPO's advantage: each reward is normalised by itself before they are added, so that one with a large spread does not
// drown the others,
//   x_i = sum_k w_k (r_ik - mean_group(r_k)) / (std_group(r_k) + eps)   A_i = (x_i - mean_batch(x)) / (std_batch(x) +
//   eps)
// (arXiv 2601.05242), on each token of completion i; the batch is that of all ranks, the weights are those
// of the rewards. It reads the rewards apart ([rewards x sequences]; a reward takes no part in the samples that it
// declined), so the rewards of single tokens, a KL penalty among them, have no place in it: they are refused.
//
// ddof 1 and eps 1e-4 are TRL's (multi_objective_aggregation = normalize_then_sum), whose numbers these are. verl has
// eps 1e-6 and whitens over tokens, so that long answers weigh more; NeMo takes the group's mean without the sample
// itself.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grove/advantage/batch_moments.hpp"
#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"
#include "grove/error.hpp"
#include "grove/option.hpp"

namespace grove {

struct RewardDecoupled {
  std::size_t ddof = 1;
  double eps = 1e-4;

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "RewardDecoupled"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"ddof", "the deviation of rewards divides by n - ddof", between(0, 1)}, self.ddof);
    visit(Option{"eps", "is added to the deviation of rewards", at_least(0)}, self.eps);
  }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    if (!in.token_reward.empty())
      throw Error("RewardDecoupled", "rewards of single tokens are given", "rewards of whole completions",
                  "put the KL into the loss");
    if (in.rewards.samples() != in.episodes.sequences())
      throw Error("RewardDecoupled", std::to_string(in.rewards.samples()) + " samples in the reward matrix",
                  std::to_string(in.episodes.sequences()) + ", one a sequence");
    Groups const groups(in);
    std::vector<double> sum(in.episodes.sequences());
    for (std::size_t g = 0; g < groups.size(); ++g)
      for (std::size_t r = 0; r < in.rewards.rewards(); ++r) add_normalized(in.rewards, r, groups[g], sum);

    std::vector<RunningMoments> parts(1);
    for (std::size_t g = 0; g < groups.size(); ++g)
      for (auto const s : groups[g]) parts[0].add(sum[s]);
    auto const batch = batch_moments<C>(parts, communicator);
    double const scale = batch.deviation(ddof) + eps;
    for (std::size_t g = 0; g < groups.size(); ++g)
      for (auto const s : groups[g]) out.spread(in.episodes, s, detail::scaled(sum[s] - batch.mean(), scale));
  }

 private:
  void add_normalized(RewardMatrix const& rewards, std::size_t r, std::span<const std::uint32_t> members,
                      std::vector<double>& sum) const {
    RunningMoments moments;
    for (auto const s : members)
      if (auto const& value = rewards(r, s)) moments.add(*value);
    double const scale = moments.deviation(ddof) + eps;
    for (auto const s : members)
      if (auto const& value = rewards(r, s))
        sum[s] += rewards.weight(r) * detail::scaled(*value - moments.mean(), scale);
  }
};

}  // namespace grove
