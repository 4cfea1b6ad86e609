// SPDX-License-Identifier: Apache-2.0
// Which part of a batch a rank has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "grove/update_plan.hpp"

namespace grove {

/// One rank of several that divide something in its order.
struct Share {
  std::size_t rank = 0, size = 1;

  /// Of n things this rank has [begin(n), end(n)).
  std::size_t begin(std::size_t n) const { return n * rank / size; }
  std::size_t end(std::size_t n) const { return n * (rank + 1) / size; }
};

/// The share of whole groups, with what a recording says of them: its rewards, and its plan without the others'
/// sequences. Every update stays in the plan, since ranks take part in all of them.
template <class T>
T share_of(T const& all, Share share) {
  if (share.size == 1) return all;
  std::vector<std::uint32_t> groups;
  for (auto group : all.episodes.group)
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  auto const first = groups.begin() + static_cast<std::ptrdiff_t>(share.begin(groups.size()));
  auto const last = groups.begin() + static_cast<std::ptrdiff_t>(share.end(groups.size()));
  constexpr auto nobody = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> chosen, place(all.episodes.sequences(), nobody);
  for (std::uint32_t s = 0; s < place.size(); ++s)
    if (std::find(first, last, all.episodes.group[s]) != last) {
      place[s] = static_cast<std::uint32_t>(chosen.size());
      chosen.push_back(s);
    }
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
