// SPDX-License-Identifier: Apache-2.0
// What an advantage estimator reads and writes.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include "grove/episodes.hpp"
#include "grove/metrics.hpp"
#include "grove/reward_matrix.hpp"

namespace grove {

/// Inputs of an estimator; T is the policy's arithmetic. A span is empty where the estimator's `needs` leave it out.
template <std::floating_point T>
struct EstimatorInput {
  Episodes const& episodes;
  RewardMatrix const& rewards;          ///< the rewards apart, before shaping
  std::span<const T> reward;            ///< [sequences] after shaping
  std::span<const std::uint8_t> valid;  ///< [sequences] 0 where every reward declined the sample
  std::span<const T> token_reward;      ///< [tokens] rewards of single tokens (environments, KL in the reward)
  std::span<const T> value;             ///< [tokens] the critic's values
  std::span<const T> sum_squares;       ///< [tokens]
};

/// Outputs, zero on entry. `return_` is empty unless the objective has a value term.
template <std::floating_point T>
struct EstimatorOutput {
  std::span<T> advantage;  ///< [tokens]
  std::span<T> return_;    ///< [tokens]
  Metrics& metrics;
};

}  // namespace grove
