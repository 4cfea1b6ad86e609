// SPDX-License-Identifier: Apache-2.0
// The gather phase: collect, judge, and collect again while the group filter asks for more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "grove/batch.hpp"
#include "grove/concepts.hpp"
#include "grove/reward/group_filter.hpp"
#include "grove/reward/scorer.hpp"

namespace grove {

/// Trajectories that groups can be taken out of and added to.
template <class T>
concept Regroupable = requires(T& t, T const& c, Sequences sequences) {
  { c.select(sequences) } -> std::same_as<T>;
  t.append(c);
};

namespace detail {

/// What a filter lets through of one collection, group by group, up to `most` groups.
template <class F, class T>
std::vector<std::uint32_t> kept_sequences(F const& filter, T const& trajectories, RewardMatrix const& rewards,
                                          std::size_t& groups, std::size_t most) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> members;
  for (std::size_t s = 0; s < trajectories.episodes.sequences(); ++s)
    members[trajectories.episodes.group[s]].push_back(static_cast<std::uint32_t>(s));
  std::vector<std::uint32_t> kept;
  for (auto const& [group, sequences] : members) {
    std::vector<double> scores;
    for (auto s : sequences)
      if (auto const score = rewards.combined(s)) scores.push_back(*score);
    if (groups == most || scores.empty() || !filter.keeps(scores)) continue;
    kept.insert(kept.end(), sequences.begin(), sequences.end());
    ++groups;
  }
  std::ranges::sort(kept);
  return kept;
}

}  // namespace detail

/// Trajectories and rewards of one batch.
template <Policy P, class X, class R, GroupFilter F>
Batch<P> gather(P& policy, X& rollout, R const& reward, Scorer& scorer, F const& filter, Metrics& metrics) {
  Batch<P> batch{.trajectories = rollout.collect(policy)};
  batch.rewards = scorer(reward, std::as_const(batch.trajectories));
  if constexpr (!std::same_as<F, KeepAllGroups>) {
    static_assert(Regroupable<typename P::Trajectories>,
                  "grove::Trainer: a group filter takes groups out of the rollouts; give the policy's Trajectories "
                  "`Trajectories select(Sequences) const` and `void append(Trajectories const&)`.");
    if (filter.collections() == 0) return batch;
    if constexpr (requires { batch.trajectories.plan; })
      if (!batch.trajectories.plan.empty()) return batch;  // a replay was filtered when it was recorded
    auto const& ids = batch.trajectories.episodes.group;
    std::size_t const wanted = std::set<std::uint32_t>(ids.begin(), ids.end()).size();
    std::size_t groups = 0, seen = 0, collections = 0;
    Batch<P> chosen;
    for (;;) {
      seen += wanted;
      auto const kept = detail::kept_sequences(filter, batch.trajectories, batch.rewards, groups, wanted);
      chosen.rewards.append(batch.rewards, kept);
      chosen.trajectories.append(batch.trajectories.select(kept));
      if (++collections >= filter.collections() || groups == wanted) break;
      batch.trajectories = rollout.collect(policy);
      batch.rewards = scorer(reward, std::as_const(batch.trajectories));
    }
    metrics.set("filter/collections", static_cast<double>(collections));
    metrics.set("filter/groups_kept", static_cast<double>(groups));
    metrics.set("filter/groups_seen", static_cast<double>(seen));
    return chosen;
  } else {
    return batch;
  }
}

/// The reward of the greedy completion of each sequence's problem (ReMax).
template <Policy P, class X, class R>
std::vector<typename P::Real> greedy_rewards(P& policy, X& rollout, R const& reward, Scorer& scorer,
                                             typename P::Trajectories const& trajectories) {
  auto const greedy = rollout.collect_greedy(policy, trajectories);
  auto const rewards = scorer(reward, greedy);
  std::map<std::uint32_t, double> of_group;
  for (std::size_t s = 0; s < greedy.episodes.sequences(); ++s)
    of_group[greedy.episodes.group[s]] = rewards.combined(s).value_or(0.0);
  std::vector<typename P::Real> column;
  for (auto group : trajectories.episodes.group) column.push_back(static_cast<typename P::Real>(of_group.at(group)));
  return column;
}

}  // namespace grove
