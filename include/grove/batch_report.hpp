// SPDX-License-Identifier: Apache-2.0
// The numbers every run reports of its batches, under TRL's names where it has them.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/advantage/group_relative.hpp"
#include "grove/concepts.hpp"
#include "grove/episodes.hpp"
#include "grove/metrics.hpp"
#include "grove/reward_matrix.hpp"

namespace grove {

/// Wall seconds of the phases of one step.
class Stopwatch {
 public:
  explicit Stopwatch(Metrics& metrics) : metrics_(metrics) {}
  void lap(std::string_view name) {
    auto const now = Clock::now();
    metrics_.set(name, std::chrono::duration<double>(now - lap_).count());
    lap_ = now;
  }
  /// A lap that lasts to the end of a scope.
  class Lap {
   public:
    Lap(Stopwatch& watch, std::string name) : watch_(watch), name_(std::move(name)) {}
    ~Lap() { watch_.lap(name_); }
    Lap(Lap const&) = delete;
    Lap& operator=(Lap const&) = delete;

   private:
    Stopwatch& watch_;
    std::string name_;
  };
  void total(std::string_view name) { metrics_.set(name, std::chrono::duration<double>(lap_ - start_).count()); }

 private:
  using Clock = std::chrono::steady_clock;
  Metrics& metrics_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point lap_ = start_;
};

/// Share of judged samples whose group's rewards are all equal, so that a group's mean leaves them no advantage.
inline double share_without_signal(RewardMatrix const& rewards, Episodes const& episodes) {
  std::map<std::uint32_t, RunningMoments> groups;
  for (std::size_t s = 0; s < rewards.samples(); ++s)
    if (auto const value = rewards.combined(s)) groups[episodes.group[s]].add(*value);
  std::size_t judged = 0, without = 0;
  for (auto const& [id, moments] : groups) {
    judged += moments.count();
    if (moments.deviation(0) == 0) without += moments.count();
  }
  return judged ? static_cast<double>(without) / static_cast<double>(judged) : 0.0;
}

/// Mean and deviation of each reward and of their weighted sum, lengths, and the share of truncated sequences.
inline void report_batch(RewardMatrix const& rewards, Episodes const& episodes, Metrics& metrics) {
  RunningMoments combined;
  for (std::size_t s = 0; s < rewards.samples(); ++s)
    if (auto const value = rewards.combined(s)) combined.add(*value);
  metrics.set("reward", combined.mean());
  metrics.set("reward_std", combined.deviation(1));  // over all samples, as in TRL 1.16
  metrics.set("frac_reward_zero_std", share_without_signal(rewards, episodes));
  for (std::size_t r = 0; r < rewards.rewards(); ++r) {
    RunningMoments one;
    for (std::size_t s = 0; s < rewards.samples(); ++s)
      if (auto const& value = rewards(r, s)) one.add(*value);
    metrics.set("rewards/" + rewards.name(r) + "/mean", one.mean());
    metrics.set("rewards/" + rewards.name(r) + "/std", one.deviation(1));
    metrics.set("rewards/" + rewards.name(r) + "/declined", static_cast<double>(rewards.samples() - one.count()));
  }
  RunningMoments length, terminated;
  std::size_t shortest = episodes.tokens(), longest = 0;
  for (std::size_t s = 0; s < episodes.sequences(); ++s) {
    auto const n = episodes.length(s);
    length.add(static_cast<double>(n));
    if (!episodes.truncated[s]) terminated.add(static_cast<double>(n));
    shortest = std::min(shortest, n);
    longest = std::max(longest, n);
  }
  metrics.set("completions/mean_length", length.mean());
  metrics.set("completions/min_length", static_cast<double>(shortest));
  metrics.set("completions/max_length", static_cast<double>(longest));
  metrics.set("completions/mean_terminated_length", terminated.mean());
  auto const n = static_cast<double>(episodes.sequences());
  metrics.set("completions/clipped_ratio", n > 0 ? 1.0 - static_cast<double>(terminated.count()) / n : 0.0);
  metrics.set("num_tokens", static_cast<double>(episodes.tokens()));
}

/// Makes the means of `report_batch` those of all ranks, weighted by their sequences, and `num_tokens` the sum.
/// Deviations, extremes and the mean of terminated lengths stay this rank's own.
template <Communicator C>
void all_reduce_report(RewardMatrix const& rewards, Episodes const& episodes, Metrics& metrics, C& ranks) {
  if (ranks.size() == 1) return;
  std::vector<std::string> names = {"reward", "frac_reward_zero_std", "completions/mean_length",
                                    "completions/clipped_ratio"};
  for (std::size_t r = 0; r < rewards.rewards(); ++r) names.push_back("rewards/" + rewards.name(r) + "/mean");
  auto const n = static_cast<double>(episodes.sequences());
  std::vector<double> sums = {n, static_cast<double>(episodes.tokens())};
  for (auto const& name : names) sums.push_back(n > 0 ? n * metrics.find(name).value_or(0.0) : 0.0);
  ranks.all_reduce_sum(sums);
  metrics.set("num_tokens", sums[1]);
  for (std::size_t i = 0; i < names.size(); ++i) metrics.set(names[i], sums[0] > 0 ? sums[2 + i] / sums[0] : 0.0);
}

/// How well the critic foresaw its targets: 1 - Var(R - V) / Var(R) over the tokens that count (verl's name).
template <std::floating_point T>
void report_critic(std::span<const T> value, std::span<const T> returns, std::span<const std::uint8_t> counts,
                   Metrics& metrics) {
  RunningMoments error, target;
  for (std::size_t t = 0; t < returns.size(); ++t) {
    if (!counts[t]) continue;
    error.add(static_cast<double>(returns[t]) - static_cast<double>(value[t]));
    target.add(static_cast<double>(returns[t]));
  }
  double const total = target.deviation(0), left = error.deviation(0);
  metrics.set("critic/vf_explained_var", total > 0 ? 1 - left * left / (total * total) : 0.0);
}

}  // namespace grove
