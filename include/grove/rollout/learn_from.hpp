// SPDX-License-Identifier: Apache-2.0
// An observer for `Trainer::run` that tells a problem source which draws were answered right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/trainer.hpp"

namespace grove {

/// After each step: the pass rate of each draw by one reward (a value above a half passes), over all ranks, goes to the
/// rollout's source; its mean to the report as `curriculum/pass_rate`. A draw that a group filter left out, or whose
/// completions were all declined, has none.
class LearnFrom {
 public:
  /// `draws` were made before the first step that this sees.
  LearnFrom(std::string reward, std::uint64_t draws) : reward_(std::move(reward)), seen_(draws) {}

  template <class T>
  void operator()(T& trainer, StepReport& report) {
    auto const* const source = trainer.rollout().source();
    if (source == nullptr || !source->learns()) return;
    auto const& batch = trainer.last();
    std::size_t const r = index_of(batch.rewards);
    auto const first = std::exchange(seen_, trainer.rollout().draws());
    auto const n = static_cast<std::size_t>(seen_ - first);
    std::vector<double> sums(2 * n);  // passes, then counts
    for (std::size_t i = 0; i < batch.trajectories.samples.size(); ++i) {
      auto const at = static_cast<std::size_t>(batch.trajectories.samples[i].id - first);
      auto const value = batch.rewards(r, i);
      if (at >= n || !value) continue;
      sums[at] += *value > 0.5 ? 1 : 0;
      sums[n + at] += 1;
    }
    trainer.communicator().all_reduce_sum(std::span(sums));
    double passes = 0, all = 0;
    std::vector<double> rates(n, std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < n; ++i) {
      passes += sums[i];
      all += sums[n + i];
      if (sums[n + i] > 0) rates[i] = sums[i] / sums[n + i];
    }
    source->learn(first, rates);
    if (all > 0) report.metrics.set("curriculum/pass_rate", passes / all);
  }

 private:
  template <class M>
  std::size_t index_of(M const& rewards) const {
    for (std::size_t r = 0; r < rewards.rewards(); ++r)
      if (rewards.name(r) == reward_) return r;
    throw Error("curriculum", "there is no reward '" + reward_ + "' in this run", "one of its rewards");
  }

  std::string reward_;
  std::uint64_t seen_;
};

}  // namespace grove
