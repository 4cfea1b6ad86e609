// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the device's scans, thread after thread on the host.
#include <random>
#include <vector>

#include "grove/advantage/discounted_scan.hpp"
#include "grove/advantage/running_moments.hpp"
#include "grove/cuda/affine.hpp"
#include "grove/cuda/moments.hpp"
#include "support/catch.hpp"

using grove::cuda::Affine;
using grove::cuda::Moments;

namespace {

/// What gae.cu does with one sequence, with a block of so many threads.
std::vector<double> scan(grove::detail::ScanTask<double> const& task, unsigned threads) {
  grove::cuda::GaeStep<double> const step{task.gamma, task.lambda, task.last_reward, task.bootstrap};
  std::vector<double> advantage(task.n);
  double carry = 0;
  for (std::size_t end = task.n; end > 0;) {
    auto const count = std::min<std::size_t>(end, threads), begin = end - count;
    std::vector<Affine<double>> values(threads), next(threads);
    for (unsigned i = 0; i < count; ++i) values[i] = step(task.reward, task.value, begin + i, task.n);
    for (unsigned distance = 1; distance < threads; distance *= 2) {
      for (unsigned i = 0; i < threads; ++i) next[i] = grove::cuda::suffix_step(values.data(), i, distance, threads);
      values.swap(next);
    }
    for (unsigned i = 0; i < count; ++i) advantage[begin + i] = values[i](carry);
    carry = advantage[begin];
    end = begin;
  }
  return advantage;
}

}  // namespace

TEST_CASE("the device's scan gives the advantages of the host's recurrence") {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (std::size_t const n : {1, 2, 7, 8, 9, 31, 64, 1000})
    for (unsigned const threads : {1u, 4u, 8u, 256u}) {
      std::vector<double> reward(n), value(n), want(n);
      for (auto& x : reward) x = uniform(random);
      for (auto& x : value) x = uniform(random);
      grove::detail::ScanTask<double> const task{.n = n,
                                                 .reward = reward.data(),
                                                 .value = value.data(),
                                                 .last_reward = 2,
                                                 .bootstrap = 0.5,
                                                 .gamma = 0.99,
                                                 .lambda = 0.95,
                                                 .advantage = want.data()};
      grove::detail::discounted_scan(task);
      auto const got = scan(task, threads);
      for (std::size_t t = 0; t < n; ++t) REQUIRE(got[t] == Approx(want[t]).epsilon(1e-12).margin(1e-13));
    }
}

TEST_CASE("steps compose in the order of time") {
  Affine<double> const now{0.5, 3}, later{0.25, -1};
  CHECK(compose(now, later)(8) == now(later(8)));
  CHECK(compose(now, later)(8) != later(now(8)));
  CHECK(compose(Affine<double>{}, now)(8) == now(8));
  CHECK(compose(now, Affine<double>{})(8) == now(8));
}

TEST_CASE("moments that threads combine in any shape are those of all numbers") {
  std::vector<double> const numbers = {1e6, 1e6 + 1, 1e6 - 3, 1e6 + 0.5, 1e6 + 7};
  grove::RunningMoments want;
  for (double x : numbers) want.add(x);
  for (std::size_t lanes = 1; lanes <= 8; ++lanes) {
    std::vector<Moments<double>> lane(lanes);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      lane[i % lanes] = combine(lane[i % lanes], Moments<double>::of(numbers[i]));
    Moments<double> sum;
    for (auto const& m : lane) sum = combine(sum, m);
    CHECK(sum.count == 5);
    CHECK(sum.mean == Approx(want.mean()).epsilon(1e-15));
    CHECK(sum.squares == Approx(want.squares()).epsilon(1e-9));
  }
  CHECK(combine(Moments<double>{}, Moments<double>{}).count == 0);
}
