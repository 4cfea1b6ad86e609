// SPDX-License-Identifier: Apache-2.0
// From rewards to the matrix of a batch, once: a program that judges batch after batch keeps a Scorer.
#pragma once

#include <cstddef>
#include <thread>

#include "grove/concepts.hpp"
#include "grove/reward/reward_list.hpp"
#include "grove/reward/scorer.hpp"
#include "grove/reward_matrix.hpp"

namespace grove {

/// What a Scorer can judge a batch of T with, where R does not judge batches itself.
template <class R, class T>
concept ScorableBy = (AnswersProblems<T> && (Reward<R> || GroupReward<R> || RewardList<R>)) ||
                     requires(R const& r, T const& t, Scorer& s) {
  { r.evaluate(t, s) } -> std::same_as<RewardMatrix>;
};

/// The reward matrix of a batch. A reward that scores batches does it itself; others are called once a sample or group,
/// and what they throw becomes an Error that names the reward and the problem.
template <class R, class T>
RewardMatrix score_batch(R const& reward, T const& trajectories,
                         std::size_t threads = std::thread::hardware_concurrency()) {
  return Scorer({.threads = threads})(reward, trajectories);
}

}  // namespace grove
