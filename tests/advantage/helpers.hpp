// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "grove/advantage/estimate.hpp"
#include "grove/concepts.hpp"
#include "grove/solo.hpp"
#include "support/catch.hpp"

namespace test {

using grove::TokenRange;

/// A batch that owns every column an estimator may read. Columns nobody filled are empty.
template <class T = double>
struct Batch {
  grove::Episodes episodes{};
  grove::RewardMatrix rewards{};
  std::vector<T> reward{};
  std::vector<std::uint8_t> valid{}, counts{};
  std::vector<T> token_reward{}, greedy_reward{}, value{}, bootstrap{}, log_prob{}, sum_squares{};

  void add(std::size_t length, std::uint32_t group, std::optional<double> score) {
    episodes.add(length, group, false);
    reward.push_back(static_cast<T>(score.value_or(-99)));  // must not be read where it is declined
    valid.push_back(score.has_value());
  }
  grove::EstimatorInput<T> input() const {
    return {.episodes = episodes,
            .rewards = rewards,
            .reward = reward,
            .valid = valid,
            .counts = counts,
            .token_reward = token_reward,
            .greedy_reward = greedy_reward,
            .value = value,
            .bootstrap = bootstrap,
            .log_prob = log_prob,
            .sum_squares = sum_squares};
  }
};

/// What an estimator wrote, one number a token.
template <class T = double>
struct Estimate {
  std::vector<T> advantage, target;
};

template <class T, class Estimator, class C>
Estimate<T> estimate(Estimator const& estimator, Batch<T> const& batch, C& ranks) {
  std::size_t const n = batch.episodes.tokens();
  Estimate<T> result{std::vector<T>(n), std::vector<T>(batch.value.empty() ? 0 : n)};
  grove::Metrics metrics;
  auto const in = batch.input();
  grove::EstimatorOutput<T> const out{result.advantage, result.target, metrics};
  if constexpr (requires { estimator(in, out, ranks); })
    estimator(in, out, ranks);
  else
    estimator(in, out);
  return result;
}

template <class T, class Estimator>
Estimate<T> estimate(Estimator const& estimator, Batch<T> const& batch) {
  grove::Solo solo;
  return estimate(estimator, batch, solo);
}

/// One advantage a sequence, for estimators that give all its tokens the same; 0 where it has none.
template <class T, class Estimator>
std::vector<double> of_sequences(Estimator const& estimator, Batch<T> const& batch) {
  auto const advantage = estimate(estimator, batch).advantage;
  std::vector<double> result;
  for (std::size_t s = 0; s < batch.episodes.sequences(); ++s) {
    auto const begin = batch.episodes.cu_seqlens[s], end = batch.episodes.cu_seqlens[s + 1];
    for (auto t = begin; t < end; ++t)
      REQUIRE((advantage[t] == advantage[begin] || (std::isnan(advantage[t]) && std::isnan(advantage[begin]))));
    result.push_back(begin < end ? static_cast<double>(advantage[begin]) : 0.0);
  }
  return result;
}

using Scores = std::vector<std::optional<double>>;

/// Sequences of one token each.
template <class T = double>
Batch<T> of_scores(Scores const& scores, std::vector<std::uint32_t> groups = {}) {
  groups.resize(scores.size(), groups.empty() ? 7 : groups.back());
  Batch<T> batch;
  for (std::size_t s = 0; s < scores.size(); ++s) batch.add(1, groups[s], scores[s]);
  return batch;
}

/// |got - want| <= margin everywhere; NaN equals NaN.
template <class T>
void check_close(std::vector<T> const& got, std::vector<T> const& want, double margin) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("at " << i);
    if (std::isnan(want[i]))
      CHECK(std::isnan(got[i]));
    else
      CHECK(std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i])) <= margin);
  }
}

/// Ranks as threads of this process.
class Ranks {
 public:
  explicit Ranks(std::size_t size) : size_(size) {}

  /// What one of them calls its communicator.
  struct Rank {
    Ranks& all;
    std::size_t index;

    std::size_t rank() const { return index; }
    std::size_t size() const { return all.size_; }
    void all_reduce_sum(std::span<double> values) const { all.reduce(values); }
  };

  /// f(rank) on each, at the same time.
  void run(std::function<void(Rank)> const& f) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < size_; ++i) threads.emplace_back([&, i] { f(Rank{*this, i}); });
  }

 private:
  void reduce(std::span<double> values) {
    std::unique_lock lock(mutex_);
    if (arrived_ == 0) sum_.assign(values.size(), 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) sum_.at(i) += values[i];
    auto const round = round_;
    if (++arrived_ == size_) {
      result_ = sum_;
      arrived_ = 0;
      ++round_;
      changed_.notify_all();
    } else {
      changed_.wait(lock, [&] { return round_ != round; });
    }
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = result_[i];
  }

  std::size_t size_, arrived_ = 0, round_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<double> sum_, result_;
};

/// Names and legal values of a piece's options.
template <class P>
std::vector<std::string> option_names(P piece) {
  std::vector<std::string> names;
  grove::visit_options(piece, [&](grove::Option const& option, auto const&) { names.emplace_back(option.name); });
  return names;
}

/// The line of the Error that f throws.
template <class F>
std::string error_of(F const& f) {
  try {
    f();
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace test
