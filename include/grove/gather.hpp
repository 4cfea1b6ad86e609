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
#include "grove/optim/collectives.hpp"
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

/// What a filter lets through of one collection, the sequences of each group.
template <class F, class T>
std::vector<std::vector<std::uint32_t>> passing_groups(F const& filter, T const& trajectories,
                                                       RewardMatrix const& rewards) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> members;
  for (std::size_t s = 0; s < trajectories.episodes.sequences(); ++s)
    members[trajectories.episodes.group[s]].push_back(static_cast<std::uint32_t>(s));
  std::vector<std::vector<std::uint32_t>> passing;
  for (auto const& [group, sequences] : members) {
    std::vector<double> scores;
    for (auto s : sequences)
      if (auto const score = rewards.combined(s)) scores.push_back(*score);
    if (!scores.empty() && filter.keeps(scores)) passing.push_back(sequences);
  }
  return passing;
}

/// Of the groups that pass on each rank, in the order of the ranks, those of this rank that are among the first `room`.
/// All ranks take `room` down alike.
template <Communicator C>
std::size_t groups_taken(C& ranks, std::size_t passing, std::size_t& room) {
  auto const counts = gathered(ranks, static_cast<double>(passing));
  std::size_t mine = 0;
  for (std::size_t r = 0; r < counts.size(); ++r) {
    auto const taken = std::min(room, static_cast<std::size_t>(counts[r]));
    if (r == ranks.rank()) mine = taken;
    room -= taken;
  }
  return mine;
}

/// Groups of a collection on all ranks.
template <Communicator C>
std::size_t groups_collected(C& ranks, Episodes const& episodes) {
  std::set<std::uint32_t> const groups(episodes.group.begin(), episodes.group.end());
  std::size_t sum = 0;
  for (double const count : gathered(ranks, static_cast<double>(groups.size()))) sum += static_cast<std::size_t>(count);
  return sum;
}

}  // namespace detail

/// Trajectories and rewards of one batch. Ranks filter together: all collect again until enough groups have passed on
/// all of them, and the first ones in their order are kept, those that one process would keep.
template <Policy P, class X, class R, GroupFilter F, Communicator C>
Batch<P> gather(P& policy, X& rollout, R const& reward, Scorer& scorer, F const& filter, Metrics& metrics, C& ranks) {
  Batch<P> batch{.trajectories = rollout.collect(policy)};
  batch.rewards = scorer(reward, std::as_const(batch.trajectories));
  if constexpr (!std::same_as<F, KeepAllGroups>) {
    static_assert(Regroupable<typename P::Trajectories>,
                  "grove::Trainer: a group filter takes groups out of the rollouts; give the policy's Trajectories "
                  "`Trajectories select(Sequences) const` and `void append(Trajectories const&)`.");
    if (filter.collections() == 0) return batch;
    if constexpr (requires { batch.trajectories.plan; })
      if (!batch.trajectories.plan.empty()) return batch;  // a replay was filtered when it was recorded
    std::size_t const wanted = detail::groups_collected(ranks, batch.trajectories.episodes);
    std::size_t room = wanted, seen = 0, collections = 0;
    Batch<P> chosen;
    for (;;) {
      seen += wanted;
      auto passing = detail::passing_groups(filter, batch.trajectories, batch.rewards);
      passing.resize(detail::groups_taken(ranks, passing.size(), room));
      std::vector<std::uint32_t> kept;
      for (auto const& group : passing) kept.insert(kept.end(), group.begin(), group.end());
      std::ranges::sort(kept);
      chosen.rewards.append(batch.rewards, kept);
      chosen.trajectories.append(batch.trajectories.select(kept));
      if (++collections >= filter.collections() || room == 0) break;
      batch.trajectories = rollout.collect(policy);
      batch.rewards = scorer(reward, std::as_const(batch.trajectories));
    }
    metrics.set("filter/collections", static_cast<double>(collections));
    metrics.set("filter/groups_kept", static_cast<double>(wanted - room));
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
