// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "grove/concepts.hpp"

namespace grove {

/// A reward under a name of the user's choice: `Named{"my_reward", MyReward{}}`. Metrics, records and the command line
/// then call it so.
template <class R>
struct Named {
  static_assert(Reward<R>,
                "grove::Named: this is no reward; give it a member "
                "`std::optional<double> operator()(Problem const&, Completion const&) const`.");

  std::string name;
  R reward;

  std::optional<double> operator()(Problem const& problem, Completion const& completion) const {
    if constexpr (Reward<R>) return reward(problem, completion);
    return std::nullopt;
  }
};

template <class R>
Named(std::string, R) -> Named<R>;

}  // namespace grove
