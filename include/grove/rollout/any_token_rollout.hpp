// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <variant>

#include "grove/error.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "grove/rollout/recording.hpp"

namespace grove {

/// Sampling or playing back, chosen at run time.
class AnyTokenRollout {
 public:
  AnyTokenRollout(GroupSampler sampler) : rollout_(std::move(sampler)) {}
  AnyTokenRollout(Replay replay) : rollout_(std::move(replay)) {}

  TokenTrajectories collect(AnyCausalLm& policy) {
    return std::visit([&](auto& rollout) { return rollout.collect(policy); }, rollout_);
  }

  TokenTrajectories collect_greedy(AnyCausalLm& policy, TokenTrajectories const& sampled) const {
    if (auto const* sampler = std::get_if<GroupSampler>(&rollout_)) return sampler->collect_greedy(policy, sampled);
    throw Error("--replay", "the algorithm compares with greedy completions, and a recording has none",
                "an algorithm without a greedy baseline");
  }

  /// Completions of each problem; 0 where a recording decides it.
  std::size_t group_size() const {
    auto const* sampler = std::get_if<GroupSampler>(&rollout_);
    return sampler ? sampler->group_size() : 0;
  }

  void state(State& s) {
    std::visit([&](auto& rollout) { rollout.state(s); }, rollout_);
  }

 private:
  std::variant<GroupSampler, Replay> rollout_;
};
static_assert(Rollout<AnyTokenRollout, AnyCausalLm>);

}  // namespace grove
