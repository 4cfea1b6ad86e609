// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/reward/score.hpp"

namespace grove {

/// A reward under a name of the user's choice: `Named{"my_reward", MyReward{}}`. Metrics, records and the command line
/// then call it so.
template <class R>
struct Named {
  static_assert(Reward<R> || GroupReward<R>,
                "grove::Named: this is no reward; give it a member "
                "`std::optional<double> operator()(Problem const&, Completion const&) const`.");

  std::string name;
  R reward;

  R const& named() const { return reward; }

  Score operator()(Problem const& problem, Completion const& completion) const requires Reward<R> {
    return detail::score_of(reward, problem, completion);
  }
  std::vector<std::optional<double>> operator()(std::span<Problem const* const> problems,
                                                std::span<Completion const* const> completions) const
      requires(!Reward<R> && GroupReward<R>) {
    return reward(problems, completions);
  }
};

template <class R>
Named(std::string, R) -> Named<R>;

}  // namespace grove
