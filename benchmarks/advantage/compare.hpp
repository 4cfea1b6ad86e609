// SPDX-License-Identifier: Apache-2.0
// Advantage estimators over 4,096 packed sequences of 4,096 tokens on average, in f32: ns a token, GB/s of what each
// reads and writes, and that as a share of the bandwidth at which this machine copies the same bytes, measured in the
// same run with all cores.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "grove/advantage/estimate.hpp"
#include "grove/columns.hpp"
#include "grove/solo.hpp"
#include "grove/worker_pool.hpp"

namespace grove_benchmark {

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

/// Tokens of a sequence on average.
inline std::size_t& mean_length() {
  static std::size_t length = 4096;
  return length;
}

inline Experience& experience() {
  static Experience batch(4096, mean_length());
  return batch;
}

/// Seconds for copying `bytes` (half of them read, half written) with all cores: the best of many.
inline double copy_seconds(std::size_t bytes) {
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

/// Adds an estimator to the comparison.
template <class Estimator>
void compare(std::string const& name, Estimator const& estimator) {
  benchmark::RegisterBenchmark(name.c_str(), [estimator](benchmark::State& state) { estimate(state, estimator); })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

/// Runs what was added; Google Benchmark's options, and --mean_length=N for another size of the batch.
inline int run(int argc, char** argv) {
  std::vector<char*> left;
  constexpr std::string_view option = "--mean_length=";
  for (int i = 0; i < argc; ++i) {
    if (std::string_view const argument = argv[i]; argument.starts_with(option))
      mean_length() = std::max<std::size_t>(1, std::strtoull(argument.substr(option.size()).data(), nullptr, 10));
    else
      left.push_back(argv[i]);
  }
  auto count = static_cast<int>(left.size());
  benchmark::Initialize(&count, left.data());
  if (benchmark::ReportUnrecognizedArguments(count, left.data())) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace grove_benchmark
