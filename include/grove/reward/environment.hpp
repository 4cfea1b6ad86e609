// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "grove/reward_matrix.hpp"

namespace grove {

/// The reward that the environment itself gave: trajectories carry it, `rewards()` is one number a sequence.
/// Trajectories with `token_rewards()` earn it token by token; the sums of sequences are then for reports only.
struct EnvironmentReward {
  static constexpr bool sums_token_rewards = true;

  template <class T>
    requires requires(T const& t) { t.rewards()[0]; }
  RewardMatrix evaluate(T const& trajectories) const {
    auto const rewards = trajectories.rewards();
    RewardMatrix matrix({"environment"}, {1.0}, rewards.size());
    for (std::size_t i = 0; i < rewards.size(); ++i) matrix(0, i) = static_cast<double>(rewards[i]);
    return matrix;
  }
};

}  // namespace grove
