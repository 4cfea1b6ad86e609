// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "grove/error.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "grove/rollout/recording.hpp"
#include "grove/rollout/remote_sampler.hpp"
#include "grove/rollout/sampler_check.hpp"

namespace grove {

/// Sampling, here or on other ranks, or playing back, chosen at run time.
class AnyTokenRollout {
 public:
  AnyTokenRollout(GroupSampler sampler) : rollout_(std::move(sampler)) {}
  AnyTokenRollout(Replay replay) : rollout_(std::move(replay)) {}
  AnyTokenRollout(RemoteSampler remote) : rollout_(std::move(remote)) {}

  /// Lets every collection pass this check, where the trainer's log-probs differ from the sampler's on purpose.
  void check_by(SamplerCheck const& check) { check_ = check; }

  TokenTrajectories collect(SampledPolicy const& policy) {
    auto& model = policy.model();
    auto* const remote = std::get_if<RemoteSampler>(&rollout_);
    auto t =
        remote ? remote->collect(policy) : std::visit([&](auto& rollout) { return rollout.collect(model); }, rollout_);
    if (check_) (*check_)(model, t, std::visit([](auto const& rollout) { return rollout.collections(); }, rollout_));
    return t;
  }

  void report(Metrics& metrics) const {
    if (check_) check_->report(metrics);
  }

  TokenTrajectories collect_greedy(AnyCausalLm& policy, TokenTrajectories const& sampled) const {
    if (auto const* sampler = std::get_if<GroupSampler>(&rollout_)) return sampler->collect_greedy(policy, sampled);
    if (std::holds_alternative<RemoteSampler>(rollout_))
      throw Error("placement", "the algorithm compares with greedy completions, which ranks that train do not sample",
                  "colocated");
    throw Error("--replay", "the algorithm compares with greedy completions, and a recording has none",
                "an algorithm without a greedy baseline");
  }

  /// Waits for what other ranks sample ahead, so that it is part of the state; all ranks that train call it together.
  void await_ahead() {
    if (auto* remote = std::get_if<RemoteSampler>(&rollout_)) remote->await_ahead();
  }

  /// The next collection of a rollout that samples here.
  void set_collections(std::uint64_t collections) {
    if (auto* sampler = std::get_if<GroupSampler>(&rollout_)) sampler->set_collections(collections);
  }

  /// Where this rank's problems come from; none where it does not draw them itself.
  ProblemSource const* source() const {
    auto const* sampler = std::get_if<GroupSampler>(&rollout_);
    return sampler ? &sampler->source() : nullptr;
  }

  /// Problems drawn so far, by all ranks; 0 where there is no source.
  std::uint64_t draws() const {
    auto const* sampler = std::get_if<GroupSampler>(&rollout_);
    return sampler ? sampler->collections() * sampler->options().problems : 0;
  }

  /// Completions of each problem; 0 where a recording decides it.
  std::size_t group_size() const {
    if (auto const* remote = std::get_if<RemoteSampler>(&rollout_)) return remote->group_size();
    auto const* sampler = std::get_if<GroupSampler>(&rollout_);
    return sampler ? sampler->group_size() : 0;
  }

  void state(State& s) {
    std::visit([&](auto& rollout) { rollout.state(s); }, rollout_);
  }

 private:
  std::variant<GroupSampler, Replay, RemoteSampler> rollout_;
  std::optional<SamplerCheck> check_;
};
static_assert(Rollout<AnyTokenRollout, AnyCausalLm>);

}  // namespace grove
