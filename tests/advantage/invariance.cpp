// SPDX-License-Identifier: Apache-2.0
// What must not change an advantage: the order of sequences, how they are packed, the ranks they lie on, threads. And
// what no batch may bring about: a number that is not finite.
#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "estimators.hpp"
#include "helpers.hpp"

namespace {

using test::Batch;

/// Sequences s of `from`, in the order given, each with its tokens.
template <class T>
Batch<T> select(Batch<T> const& from, std::vector<std::size_t> const& order) {
  Batch<T> to;
  std::vector<std::string> names;
  std::vector<double> weights;
  for (std::size_t r = 0; r < from.rewards.rewards(); ++r) {
    names.push_back(from.rewards.name(r));
    weights.push_back(from.rewards.weight(r));
  }
  to.rewards = grove::RewardMatrix(names, weights, order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::size_t const s = order[i];
    std::size_t const begin = from.episodes.cu_seqlens[s], end = from.episodes.cu_seqlens[s + 1];
    for (auto range : from.episodes.environment)
      if (range.begin >= begin && range.end <= end)
        to.episodes.environment.push_back(
            {range.begin - begin + to.episodes.tokens(), range.end - begin + to.episodes.tokens()});
    to.add(end - begin, from.episodes.group[s], 0.0);
    to.reward.back() = from.reward[s];
    to.valid.back() = from.valid[s];
    to.bootstrap.push_back(from.bootstrap[s]);
    to.greedy_reward.push_back(from.greedy_reward[s]);
    for (std::size_t r = 0; r < names.size(); ++r) to.rewards(r, i) = from.rewards(r, s);
    auto const take = [&](auto const& source, auto& target) {
      if (!source.empty()) target.insert(target.end(), source.begin() + begin, source.begin() + end);
    };
    take(from.counts, to.counts);
    take(from.value, to.value);
    take(from.log_prob, to.log_prob);
    take(from.sum_squares, to.sum_squares);
  }
  return to;
}

/// Sequences with the given lengths, in groups of four, rewards of 0 and 1; some declined, some tokens the
/// environment's.
template <class T>
Batch<T> random_batch(std::vector<std::size_t> const& lengths, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform;
  Batch<T> batch;
  batch.rewards = grove::RewardMatrix({"right", "format"}, {1.0, 0.5}, lengths.size());
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    bool const declined = s % 7 == 3;
    double const right = uniform(random) < 0.5 ? 1 : 0;
    batch.add(lengths[s], static_cast<std::uint32_t>(s / 4), declined ? std::nullopt : std::optional(right));
    if (!declined) {
      batch.rewards(0, s) = right;
      batch.rewards(1, s) = uniform(random);
    }
    batch.bootstrap.push_back(static_cast<T>(s % 3 == 0 ? uniform(random) : 0));
    batch.greedy_reward.push_back(static_cast<T>(s / 4 % 2));
    if (lengths[s] > 6 && s % 2 == 0) {
      auto const begin = batch.episodes.cu_seqlens[s];
      batch.episodes.environment.push_back({begin + 2, begin + 5});
    }
  }
  batch.counts = batch.episodes.chosen();
  for (std::size_t t = 0; t < batch.episodes.tokens(); ++t) {
    double const p = uniform(random);
    batch.value.push_back(static_cast<T>(uniform(random)));
    batch.log_prob.push_back(static_cast<T>(std::log(p)));
    batch.sum_squares.push_back(static_cast<T>(p * p + (1 - p) * (1 - p) * uniform(random)));
  }
  return batch;
}

std::vector<std::size_t> const ragged = {5, 9, 1, 1, 7, 40, 0, 6, 20, 33, 2, 8, 17, 3, 12, 64};

/// Results of the sequences in `order` within those of all sequences.
template <class T>
std::vector<T> pick(std::vector<T> const& column, grove::Episodes const& all, std::vector<std::size_t> const& order) {
  std::vector<T> picked;
  for (auto s : order)
    picked.insert(picked.end(), column.begin() + all.cu_seqlens[s], column.begin() + all.cu_seqlens[s + 1]);
  return picked;
}

}  // namespace

TEST_CASE("the order of sequences changes nothing but the last bits of means") {
  auto const batch = random_batch<double>(ragged, 1);
  std::vector<std::size_t> order(ragged.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(2));
  auto const shuffled = select(batch, order);
  test::for_each_estimator([&](auto const& estimator) {
    INFO(estimator.describe());
    auto const one = test::estimate(estimator, batch), other = test::estimate(estimator, shuffled);
    test::check_close(other.advantage, pick(one.advantage, batch.episodes, order), 1e-12);
    test::check_close(other.target, pick(one.target, batch.episodes, order), 0.0);
  });
}

TEST_CASE("ranks change nothing: groups stay whole, means go over all of them") {
  auto const batch = random_batch<double>(ragged, 3);
  std::vector<std::vector<std::size_t>> const parts = {{4, 5, 6, 7}, {0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15}, {}};
  test::for_each_estimator([&](auto const& estimator) {
    INFO(estimator.describe());
    auto const whole = test::estimate(estimator, batch);
    std::vector<test::Estimate<double>> results(parts.size());
    test::Ranks(parts.size()).run([&](test::Ranks::Rank rank) {
      results[rank.rank()] = test::estimate(estimator, select(batch, parts[rank.rank()]), rank);
    });
    for (std::size_t r = 0; r < parts.size(); ++r) {
      test::check_close(results[r].advantage, pick(whole.advantage, batch.episodes, parts[r]), 1e-12);
      test::check_close(results[r].target, pick(whole.target, batch.episodes, parts[r]), 0.0);
    }
  });
}

TEST_CASE("threads change no bit of a large batch, neighbours none of a sequence") {
  std::vector<std::size_t> lengths;
  std::mt19937 random(5);
  while (std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}) < (1u << 18))
    lengths.push_back(random() % 3000);
  auto const batch = random_batch<float>(lengths, 6);
  auto const check = [&](auto serial, auto parallel) {
    serial.threads = 1;
    parallel.threads = 5;
    auto const one = test::estimate(serial, batch), other = test::estimate(parallel, batch);
    CHECK(one.advantage == other.advantage);
    CHECK(one.target == other.target);
  };
  check(grove::Gae{}, grove::Gae{});
  check(grove::LengthAdaptiveGae{}, grove::LengthAdaptiveGae{});
  check(grove::WhitenedReturn{}, grove::WhitenedReturn{});
  auto const all = test::estimate(grove::Gae{.whiten = false}, batch);
  for (std::size_t const s : {0u, 1u, 17u, 60u}) {
    auto const alone = test::estimate(grove::Gae{.whiten = false}, select(batch, {s}));
    CHECK(alone.advantage == pick(all.advantage, batch.episodes, {s}));
    CHECK(alone.target == pick(all.target, batch.episodes, {s}));
  }
}

TEST_CASE("every estimate is finite: equal rewards, groups of one, no token, one token, nobody judged") {
  std::vector<std::vector<std::size_t>> const shapes = {{}, {0}, {1}, {3}, {0, 0, 0, 0}, {1, 1, 1, 1}, {0, 5, 1, 9, 4}};
  for (auto const& lengths : shapes)
    for (double const value : {0.0, 1.0})
      for (bool const judged : {true, false}) {
        auto batch = random_batch<float>(lengths, 7);
        for (std::size_t s = 0; s < lengths.size(); ++s) {
          batch.reward[s] = static_cast<float>(judged ? value : -99);
          batch.valid[s] = judged;
          for (std::size_t r = 0; r < 2; ++r) batch.rewards(r, s) = judged ? std::optional(value) : std::nullopt;
        }
        test::for_each_estimator([&](auto const& estimator) {
          INFO(estimator.describe() << " " << lengths.size() << " sequences, reward " << value << ", judged "
                                    << judged);
          auto const got = test::estimate(estimator, batch);
          for (float const x : got.advantage) {
            CHECK(std::isfinite(x));
            if (!judged) CHECK(x == 0);
          }
          for (float const x : got.target) CHECK(std::isfinite(x));
        });
      }
}

TEST_CASE("a reward that is no number shows in its sequence's advantage") {
  auto batch = random_batch<double>({4, 4, 4, 4, 4, 4, 4, 4}, 8);
  batch.episodes.environment.clear();
  batch.counts.assign(32, 1);
  batch.reward[1] = std::numeric_limits<double>::quiet_NaN();
  batch.rewards(0, 1) = batch.reward[1];
  test::for_each_estimator([&](auto const& estimator) {
    INFO(estimator.describe());
    auto const got = test::estimate(estimator, batch);
    for (std::size_t t = 4; t < 8; ++t) CHECK(std::isnan(got.advantage[t]));
  });
}

TEST_CASE("what is not counted has no say: declined samples and tokens out of the loss") {
  auto batch = random_batch<double>(ragged, 9);
  for (std::size_t s = 0; s < batch.valid.size(); ++s)
    if (!batch.valid[s]) batch.reward[s] = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t t = 0; t < batch.counts.size(); ++t)
    if (!batch.counts[t]) batch.value[t] = batch.log_prob[t] = batch.sum_squares[t] = batch.reward[3];
  REQUIRE(std::isnan(batch.reward[3]));
  test::for_each_estimator([&](auto const& estimator) {
    INFO(estimator.describe());
    auto const got = test::estimate(estimator, batch);
    for (std::size_t s = 0; s < batch.valid.size(); ++s)
      for (auto t = batch.episodes.cu_seqlens[s]; t < batch.episodes.cu_seqlens[s + 1]; ++t) {
        if (batch.valid[s] == 0) {
          CHECK(got.advantage[t] == 0);
          if (batch.counts[t] && estimator.needs.contains(grove::Column::Value)) CHECK(got.target[t] == batch.value[t]);
        } else if (batch.counts[t]) {
          CHECK(std::isfinite(got.advantage[t]));
          CHECK(std::isfinite(got.target[t]));
        }
      }
  });
}
