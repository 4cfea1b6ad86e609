// SPDX-License-Identifier: Apache-2.0
// From rewards of single samples to the matrix of a batch, on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/reward/name.hpp"
#include "grove/reward_matrix.hpp"

namespace grove {

/// Several rewards as one: `Sum` and `RewardSet` are its models.
template <class R>
concept RewardList = requires(R const& r, std::size_t i, Problem const& problem, Completion const& completion) {
  { r.size() } -> std::convertible_to<std::size_t>;
  { r.name(i) } -> std::convertible_to<std::string>;
  { r.weight(i) } -> std::convertible_to<double>;
  { r.score(i, problem, completion) } -> std::convertible_to<std::optional<double>>;
};

/// Trajectories that show the problem and the completion of each sequence.
template <class T>
concept AnswersProblems = requires(T const& t, std::size_t i) {
  { t.problem(i) } -> std::convertible_to<Problem const&>;
  { t.completion(i) } -> std::convertible_to<Completion const&>;
};

template <class R, class T>
concept ScorableBy = AnswersProblems<T> &&(Reward<R> || RewardList<R>);

namespace detail {

/// f(i) for i in [0, n) on up to `threads` threads; the first exception is rethrown.
template <class F>
void for_each_sample(std::size_t n, std::size_t threads, F const& f) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr error;
  std::mutex mutex;
  auto const work = [&] {
    try {
      for (std::size_t i; (i = next.fetch_add(1)) < n;) f(i);
    } catch (...) {
      std::scoped_lock lock(mutex);
      if (!error) error = std::current_exception();
      next = n;
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(threads, n); ++i) helpers.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail

/// The reward matrix of a batch. A reward that scores batches does it itself; others are called once a sample, and what
/// they throw becomes an Error that names the reward and the problem.
template <class R, class T>
RewardMatrix score_batch(R const& reward, T const& trajectories,
                         std::size_t threads = std::thread::hardware_concurrency()) {
  if constexpr (BatchReward<R, T>) {
    return reward.evaluate(trajectories);
  } else {
    std::size_t const n = trajectories.episodes.sequences();
    std::vector<std::string> names;
    std::vector<double> weights;
    if constexpr (RewardList<R>) {
      for (std::size_t i = 0; i < reward.size(); ++i) {
        names.push_back(reward.name(i));
        weights.push_back(reward.weight(i));
      }
    } else {
      names.push_back(name_of(reward));
      weights.push_back(1);
    }
    RewardMatrix matrix(std::move(names), std::move(weights), n);
    detail::for_each_sample(n, threads, [&](std::size_t i) {
      auto const& problem = trajectories.problem(i);
      auto const& completion = trajectories.completion(i);
      for (std::size_t r = 0; r < matrix.rewards(); ++r) {
        try {
          if constexpr (RewardList<R>)
            matrix(r, i) = reward.score(r, problem, completion);
          else
            matrix(r, i) = reward(problem, completion);
        } catch (std::exception const& e) {
          throw Error("reward " + matrix.name(r), "problem " + std::to_string(problem.id) + ": " + e.what());
        }
      }
    });
    return matrix;
  }
}

}  // namespace grove
