// SPDX-License-Identifier: Apache-2.0
// Which part of a batch a rank has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/update_plan.hpp"

namespace grove {

/// One rank of several that divide something in its order.
struct Share {
  std::size_t rank = 0, size = 1;

  /// Of n things this rank has [begin(n), end(n)).
  std::size_t begin(std::size_t n) const { return n * rank / size; }
  std::size_t end(std::size_t n) const { return n * (rank + 1) / size; }
};

namespace detail {

/// Whether a recording of several ranks says which of these each sequence belongs to.
template <class T>
bool says_ranks(T const& all, Share share) {
  if constexpr (requires { all.ranks; }) {
    auto const last = std::ranges::max_element(all.ranks);
    return last != all.ranks.end() && *last > 0 && *last < share.size;
  } else {
    return false;
  }
}

/// The sequences of one rank of a recording that says whose they are.
template <class T>
std::vector<std::uint32_t> recorded_share(T const& all, Share share) {
  std::map<std::uint32_t, std::uint32_t> rank_of;
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t s = 0; s < all.ranks.size(); ++s) {
    auto const group = all.episodes.group[s];
    if (auto const [at, is_new] = rank_of.emplace(group, all.ranks[s]); !is_new && at->second != all.ranks[s])
      throw Error("recording",
                  "group " + std::to_string(group) + " is on ranks " + std::to_string(at->second) + " and " +
                      std::to_string(all.ranks[s]),
                  "a group on one rank");
    if (all.ranks[s] == share.rank) chosen.push_back(s);
  }
  return chosen;
}

/// The sequences of a rank where whole groups are divided in their order.
template <class T>
std::vector<std::uint32_t> equal_share(T const& all, Share share) {
  std::vector<std::uint32_t> groups;
  for (auto group : all.episodes.group)
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  auto const first = groups.begin() + static_cast<std::ptrdiff_t>(share.begin(groups.size()));
  auto const last = groups.begin() + static_cast<std::ptrdiff_t>(share.end(groups.size()));
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t s = 0; s < all.episodes.sequences(); ++s)
    if (std::find(first, last, all.episodes.group[s]) != last) chosen.push_back(s);
  return chosen;
}

}  // namespace detail

/// The share of whole groups, with what a recording says of them: its rewards, and its plan without the others'
/// sequences. Every update stays in the plan, since ranks take part in all of them. A recording of several ranks on as
/// many or more gives each what it had.
template <class T>
T share_of(T const& all, Share share) {
  if (share.size == 1) return all;
  auto const chosen =
      detail::says_ranks(all, share) ? detail::recorded_share(all, share) : detail::equal_share(all, share);
  constexpr auto nobody = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> place(all.episodes.sequences(), nobody);
  for (std::uint32_t i = 0; i < chosen.size(); ++i) place[chosen[i]] = i;
  T part = all.select(chosen);
  if (all.recorded.samples() > 0) part.recorded.append(all.recorded, chosen);
  for (auto const& minibatch : all.plan) {
    Minibatch mine;
    for (auto const& micro_batch : minibatch) {
      MicroBatch kept;
      for (auto s : micro_batch)
        if (place[s] != nobody) kept.push_back(place[s]);
      if (!kept.empty()) mine.push_back(std::move(kept));
    }
    part.plan.push_back(std::move(mine));
  }
  return part;
}

}  // namespace grove
