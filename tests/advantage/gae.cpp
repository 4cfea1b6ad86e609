// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/gae.hpp"

#include <cmath>
#include <random>

#include "helpers.hpp"

using grove::Gae;
using test::check_close;
using test::estimate;

static_assert(grove::AdvantageEstimator<Gae>);
static_assert(Gae::needs.contains(grove::Column::Value) && !Gae::needs_groups);

namespace {

Gae plain(double gamma, double lambda) { return {.gamma = gamma, .lambda = lambda, .whiten = false}; }

test::Batch<> three_steps() {
  test::Batch<> batch;
  batch.add(3, 0, 2.0);
  batch.value = {1, 0.5, 0.25};
  batch.token_reward = {0.5, 0, -1};
  return batch;
}

/// sum_l (gamma lambda)^l d_{t+l}, term by term.
std::vector<double> by_definition(test::Batch<> const& batch, double gamma, double lambda) {
  std::vector<double> result;
  for (std::size_t s = 0; s < batch.episodes.sequences(); ++s)
    for (auto t = batch.episodes.cu_seqlens[s]; t < batch.episodes.cu_seqlens[s + 1]; ++t) {
      double sum = 0, weight = 1;
      for (auto u = t; u < batch.episodes.cu_seqlens[s + 1]; ++u, weight *= gamma * lambda) {
        bool const last = u + 1 == batch.episodes.cu_seqlens[s + 1];
        double const next = last ? batch.bootstrap[s] : batch.value[u + 1];
        sum += weight * (batch.token_reward[u] + (last ? batch.reward[s] : 0.0) + gamma * next - batch.value[u]);
      }
      result.push_back(sum);
    }
  return result;
}

}  // namespace

TEST_CASE("three steps by hand") {
  auto batch = three_steps();
  // d = (0.5 + 0.25 - 1, 0.125 - 0.5, 1 - 0.25) with gamma 1/2; c = 1/4.
  auto const got = estimate(plain(0.5, 0.5), batch);
  check_close(got.advantage, {-0.25 + 0.25 * -0.1875, -0.1875, 0.75}, 1e-15);
  check_close(got.target, {1 - 0.25 + 0.25 * -0.1875, 0.5 - 0.1875, 1}, 1e-15);
  batch.bootstrap = {4};  // cut off, not ended
  check_close(estimate(plain(0.5, 0), batch).advantage, {-0.25, -0.375, 2.75}, 1e-15);
}

TEST_CASE("lambda 0 is one step, lambda 1 the whole return less the value") {
  auto const batch = three_steps();
  check_close(estimate(plain(1, 0), batch).advantage, {0, -0.25, 0.75}, 1e-15);
  check_close(estimate(plain(1, 1), batch).advantage, {0.5, 0.5, 0.75}, 1e-15);
  check_close(estimate(plain(1, 1), batch).target, {1.5, 1, 1}, 1e-15);
}

TEST_CASE("every length, around whole blocks, is the sum of the definition") {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(-1, 1);
  test::Batch<> batch;
  for (std::size_t length = 0; length <= 70; ++length) {
    batch.add(length, 0, uniform(random));
    batch.bootstrap.push_back(uniform(random));
  }
  for (std::size_t t = 0; t < batch.episodes.tokens(); ++t) {
    batch.value.push_back(uniform(random));
    batch.token_reward.push_back(uniform(random));
  }
  for (auto const& [gamma, lambda] : {std::pair(1.0, 1.0), {0.99, 0.95}, {0.5, 0.3}, {0.0, 1.0}, {1.0, 0.0}}) {
    auto const want = by_definition(batch, gamma, lambda);
    check_close(estimate(plain(gamma, lambda), batch).advantage, want, 1e-13);
    test::Batch<float> single;
    single.episodes = batch.episodes;
    single.reward.assign(batch.reward.begin(), batch.reward.end());
    single.value.assign(batch.value.begin(), batch.value.end());
    single.bootstrap.assign(batch.bootstrap.begin(), batch.bootstrap.end());
    single.token_reward.assign(batch.token_reward.begin(), batch.token_reward.end());
    auto const got = estimate(plain(gamma, lambda), single);
    check_close(std::vector<double>(got.advantage.begin(), got.advantage.end()), want, 2e-5);
  }
}

TEST_CASE("time does not pass at the environment's tokens") {
  auto compact = three_steps();
  test::Batch<> batch;
  batch.add(6, 0, 2.0);
  batch.episodes.environment = {{0, 1}, {2, 4}};
  batch.counts = {0, 1, 0, 0, 1, 1};
  batch.value = {99, 1, 99, 99, 0.5, 0.25};
  batch.token_reward = {0, 0.25, 0.25, 0, 0, -1};  // a quarter comes in with the tool's answer
  auto const want = estimate(plain(0.9, 0.8), compact), got = estimate(plain(0.9, 0.8), batch);
  check_close(got.advantage, {0, want.advantage[0], 0, 0, want.advantage[1], want.advantage[2]}, 1e-15);
  check_close(got.target, {0, want.target[0], 0, 0, want.target[1], want.target[2]}, 1e-15);
}

TEST_CASE("what is streamed past the cache is what is written through it, bit for bit") {
  for (std::size_t const n : {1, 2, 8, 9, 100, 1023, 1024, 1025, 1026, 2049, 2050, 5000}) {
    std::mt19937 random(static_cast<unsigned>(n));
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> reward(n), value(n);
    for (auto& x : reward) x = uniform(random);
    for (auto& x : value) x = uniform(random);
    grove::detail::ScanTask<float> task{.n = n,
                                        .reward = reward.data(),
                                        .value = value.data(),
                                        .last_reward = 2,
                                        .bootstrap = 0.5f,
                                        .gamma = 0.99f,
                                        .lambda = 0.95f};
    for (std::size_t const offset : {0, 1, 5, 16}) {  // of the outputs in memory
      std::vector<float> advantage(n + 32, 7), target(n + 32, 7);
      auto streamed_advantage = advantage, streamed_target = target;
      task.stream = false;
      task.advantage = &advantage[offset];
      task.target = &target[offset + 1];
      grove::detail::discounted_scan(task);
      task.stream = true;
      task.advantage = &streamed_advantage[offset];
      task.target = &streamed_target[offset + 1];
      grove::detail::discounted_scan(task);
      REQUIRE(streamed_advantage == advantage);
      REQUIRE(streamed_target == target);
      CHECK((advantage[offset] != 7 && advantage[offset + n] == 7 && target[offset] == 7 && target[offset + n] != 7));
    }
  }
}

TEST_CASE("whitened advantages have mean 0 and variance 1, targets stay") {
  auto const batch = three_steps();
  auto const raw = estimate(plain(1, 1), batch), white = estimate(Gae{.lambda = 1}, batch);
  double const mean = (0.5 + 0.5 + 0.75) / 3,
               deviation = std::sqrt((2 * std::pow(0.5 - mean, 2) + std::pow(0.75 - mean, 2)) / 2 + 1e-8);
  check_close(white.advantage, {(0.5 - mean) / deviation, (0.5 - mean) / deviation, (0.75 - mean) / deviation}, 1e-14);
  CHECK(white.target == raw.target);
  test::Batch<> one;
  one.add(1, 0, 3.0);
  one.value = {1};
  check_close(estimate(Gae{}, one).advantage, {0}, 0);
}

TEST_CASE("values of the wrong length and numbers out of range are refused by name") {
  auto batch = three_steps();
  batch.value.pop_back();
  CHECK(test::error_of([&] { estimate(Gae{}, batch); }) == "values: 2 of them; expected 3, one a token");
  batch = three_steps();
  batch.bootstrap = {1, 2};
  CHECK(test::error_of([&] { estimate(Gae{}, batch); }) ==
        "values: 2 after the last token; expected 1, one a sequence");
  CHECK(test::error_of([] { check_options(Gae{.lambda = 1.01}); }) ==
        "option lambda: is 1.010000; expected between 0 and 1");
  CHECK(test::error_of([] { check_options(Gae{.lambda = NAN}); }).starts_with("option lambda: is "));
  CHECK(test::option_names(Gae{}) == std::vector<std::string>{"gamma", "lambda", "whiten"});
}
