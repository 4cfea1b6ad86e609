// SPDX-License-Identifier: Apache-2.0
// Advantage estimators over 4,096 packed sequences of 4,096 tokens on average, in f32: ns a token, GB/s of what each
// reads and writes, and that as a share of the bandwidth at which this machine copies the same bytes, measured in the
// same run with all cores. An estimator of your own joins with one line in `main`. gae_peers.py times the loop of verl
// and TRL.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "grove/advantage/decoupled_gae.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/leave_one_out.hpp"
#include "grove/advantage/length_adaptive_gae.hpp"
#include "grove/advantage/optimal_token_baseline.hpp"
#include "grove/advantage/whitened_group_relative.hpp"
#include "grove/advantage/whitened_return.hpp"
#include "grove/solo.hpp"
#include "grove/worker_pool.hpp"

namespace {

using Column = std::vector<float>;

/// Every column there is; lengths are uniform in [1, 2 * mean).
struct Experience {
  grove::Episodes episodes{};
  grove::RewardMatrix rewards{};
  Column reward{}, bootstrap{}, greedy_reward{}, token_reward{}, value{}, log_prob{}, sum_squares{}, advantage{},
      target{};

  Experience(std::size_t sequences, std::size_t mean) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform;
    for (std::size_t s = 0; s < sequences; ++s)
      episodes.add(1 + random() % (2 * mean - 1), static_cast<std::uint32_t>(s / 8), false);
    for (auto* column : {&reward, &bootstrap, &greedy_reward}) column->resize(sequences);
    for (auto* column : {&token_reward, &value, &log_prob, &sum_squares, &advantage, &target})
      column->resize(episodes.tokens());
    for (float& x : reward) x = uniform(random) < 0.5f ? 1.0f : 0.0f;
    for (std::size_t t = 0; t < episodes.tokens(); ++t) {
      token_reward[t] = uniform(random) - 0.5f;
      value[t] = uniform(random);
      log_prob[t] = -uniform(random);
      sum_squares[t] = 0.5f;
    }
  }
};

Experience& experience() {
  static Experience batch(4096, 4096);
  return batch;
}

/// Seconds for copying `bytes` (half of them read, half written) with all cores: the best of many.
double copy_seconds(std::size_t bytes) {
  auto& batch = experience();
  std::size_t const half = bytes / 2, portion = 1 << 20;
  std::vector<char> from(half, 1), to(half, 2);
  benchmark::DoNotOptimize(batch);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 40; ++i) {
    auto const start = std::chrono::steady_clock::now();
    grove::WorkerPool().for_each((half + portion - 1) / portion, [&](std::size_t p) {
      std::size_t const begin = p * portion;
      std::memcpy(&to[begin], &from[begin], std::min(portion, half - begin));
    });
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    benchmark::ClobberMemory();
  }
  return best;
}

template <class Estimator>
void estimate(benchmark::State& state, Estimator const& estimator) {
  auto& batch = experience();
  bool const reads_value = estimator.needs.contains(grove::Column::Value);
  grove::EstimatorInput<float> in{.episodes = batch.episodes, .rewards = batch.rewards, .reward = batch.reward};
  in.token_reward = batch.token_reward;
  in.greedy_reward = batch.greedy_reward;
  if (reads_value) in.value = batch.value, in.bootstrap = batch.bootstrap;
  in.log_prob = batch.log_prob;
  in.sum_squares = batch.sum_squares;
  grove::Metrics metrics;
  grove::EstimatorOutput<float> out{batch.advantage, {}, metrics};
  if (reads_value) out.return_ = batch.target;
  std::size_t columns = 2;  // rewards and advantages
  if (reads_value) columns += 2;
  if (estimator.needs.contains(grove::Column::LogProb)) ++columns;
  if (estimator.needs.contains(grove::Column::SumSquares)) ++columns;
  auto const bytes = columns * sizeof(float) * batch.episodes.tokens();

  double best = std::numeric_limits<double>::infinity();
  double const copy_before = copy_seconds(bytes);
  grove::Solo solo;
  for (auto _ : state) {
    auto const start = std::chrono::steady_clock::now();
    if constexpr (requires { estimator(in, out, solo); })
      estimator(in, out, solo);
    else
      estimator(in, out);
    benchmark::ClobberMemory();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  double const copy = std::min(copy_before, copy_seconds(bytes));
  state.counters["tokens"] = static_cast<double>(batch.episodes.tokens());
  state.counters["ns/token"] = 1e9 * best / static_cast<double>(batch.episodes.tokens());
  state.counters["GB/s"] = 1e-9 * static_cast<double>(bytes) / best;
  state.counters["copy_GB/s"] = 1e-9 * static_cast<double>(bytes) / copy;
  state.counters["of_copy"] = copy / best;
}

template <class Estimator>
void compare(std::string const& name, Estimator const& estimator) {
  benchmark::RegisterBenchmark(name.c_str(), [estimator](benchmark::State& state) { estimate(state, estimator); })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  compare("Gae", grove::Gae{.gamma = 0.99, .whiten = false});
  compare("Gae, one thread", grove::Gae{.gamma = 0.99, .whiten = false, .threads = 1});
  compare("Gae, whitened", grove::Gae{.gamma = 0.99});
  compare("DecoupledGae", grove::DecoupledGae{.whiten = false});
  compare("LengthAdaptiveGae", grove::LengthAdaptiveGae{.whiten = false});
  compare("WhitenedReturn", grove::WhitenedReturn{});
  compare("WhitenedGroupRelative", grove::WhitenedGroupRelative{});
  compare("GroupRelative", grove::GroupRelative<>{});
  compare("LeaveOneOut", grove::LeaveOneOut{});
  compare("OptimalTokenBaseline", grove::OptimalTokenBaseline{});
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
