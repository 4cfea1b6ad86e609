// SPDX-License-Identifier: Apache-2.0
// What an advantage estimator reads and writes.
//
// A sequence earns `reward` at its last token and `token_reward` along the way (an environment's rewards; a KL
// penalty). An estimator of whole sequences takes their total, one with a sense of time takes them token by token.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "grove/episodes.hpp"
#include "grove/metrics.hpp"
#include "grove/reward_matrix.hpp"

namespace grove {

/// Inputs of an estimator; T is the policy's arithmetic. A span is empty where the composition does not provide it.
template <std::floating_point T>
struct EstimatorInput {
  Episodes const& episodes;
  RewardMatrix const& rewards;             ///< the rewards apart, before shaping
  std::span<const T> reward{};             ///< [sequences] after shaping, earned at the last token
  std::span<const std::uint8_t> valid{};   ///< [sequences] 0 where every reward declined the sample
  std::span<const std::uint8_t> counts{};  ///< [tokens] 1 where the token enters the loss
  std::span<const T> token_reward{};       ///< [tokens] earned at single tokens; empty: none
  std::span<const T> greedy_reward{};      ///< [sequences] of the greedy completion of the same problem
  std::span<const T> value{};              ///< [tokens] the critic's values before each token
  std::span<const T> bootstrap{};          ///< [sequences] value after the last token, 0 where the episode had ended
  std::span<const T> log_prob{};           ///< [tokens] of the policy before the batch's first update
  std::span<const T> sum_squares{};        ///< [tokens]

  /// Whether sequence s was judged at all and so takes part in means.
  bool counted(std::size_t s) const { return valid.empty() || valid[s] != 0; }

  /// What sequence s earned in all.
  double total(std::size_t s) const {
    double sum = static_cast<double>(reward[s]);
    if (!token_reward.empty())
      for (auto t = episodes.cu_seqlens[s]; t < episodes.cu_seqlens[s + 1]; ++t)
        sum += static_cast<double>(token_reward[t]);
    return sum;
  }

  /// What token t of sequence s earned.
  double earned(std::size_t s, std::size_t t) const {
    double const here = token_reward.empty() ? 0.0 : static_cast<double>(token_reward[t]);
    return t + 1 == episodes.cu_seqlens[s + 1] ? here + static_cast<double>(reward[s]) : here;
  }
};

/// Outputs, zero on entry. `return_` is empty unless the objective has a value term.
template <std::floating_point T>
struct EstimatorOutput {
  std::span<T> advantage;  ///< [tokens]
  std::span<T> return_;    ///< [tokens]
  Metrics& metrics;

  /// One advantage for all tokens of sequence s.
  void spread(Episodes const& episodes, std::size_t s, double value) const {
    for (auto t = episodes.cu_seqlens[s]; t < episodes.cu_seqlens[s + 1]; ++t) advantage[t] = static_cast<T>(value);
  }
};

}  // namespace grove
