// SPDX-License-Identifier: Apache-2.0
// Which sequences answer the same problem, and what each of them earned.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grove/advantage/estimate.hpp"
#include "grove/advantage/running_moments.hpp"
#include "grove/error.hpp"

namespace grove {

/// The groups of a batch: the sequences that were judged, by group id, in the order of the batch. A group's sequences
/// need not lie side by side.
class Groups {
 public:
  template <std::floating_point T>
  explicit Groups(EstimatorInput<T> const& in) {
    auto const& id = in.episodes.group;
    for (std::size_t s = 0; s < in.episodes.sequences(); ++s)
      if (in.counted(s)) order_.push_back(static_cast<std::uint32_t>(s));
    std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return id[a] < id[b]; });
    for (std::size_t i = 1; i <= order_.size(); ++i)
      if (i == order_.size() || id[order_[i]] != id[order_[i - 1]]) ends_.push_back(i);
  }

  std::size_t size() const { return ends_.size(); }
  /// Sequences in all groups together.
  std::size_t sequences() const { return order_.size(); }
  /// The sequences of a group.
  std::span<const std::uint32_t> operator[](std::size_t group) const {
    std::size_t const begin = group == 0 ? 0 : ends_[group - 1];
    return std::span(order_).subspan(begin, ends_[group] - begin);
  }

 private:
  std::vector<std::uint32_t> order_;
  std::vector<std::size_t> ends_;
};

/// The groups of a batch and what each sequence earned in all.
struct GroupedRewards {
  Groups groups;
  std::vector<double> total;  ///< [sequences]; 0 where a sequence was not judged

  template <std::floating_point T>
  explicit GroupedRewards(EstimatorInput<T> const& in) : groups(in), total(in.episodes.sequences()) {
    for (std::size_t s = 0; s < total.size(); ++s)
      if (in.counted(s)) total[s] = in.total(s);
  }

  RunningMoments moments(std::size_t group) const {
    RunningMoments result;
    for (auto const s : groups[group]) result.add(total[s]);
    return result;
  }

  std::vector<RunningMoments> moments() const {
    std::vector<RunningMoments> result;
    for (std::size_t g = 0; g < groups.size(); ++g) result.push_back(moments(g));
    return result;
  }
};

namespace detail {

/// difference / scale, and 0 where there is no scale. NaN is passed on.
inline double scaled(double difference, double scale) { return scale == 0 ? 0.0 : difference / scale; }

/// Throws Error where answers have nothing to be compared with.
inline void require_group(std::size_t group_size) {
  if (group_size < 2)
    throw Error("option num_generations", "is " + std::to_string(group_size), "at least 2",
                "the estimator compares an answer with the others to its problem");
}

}  // namespace detail

}  // namespace grove
