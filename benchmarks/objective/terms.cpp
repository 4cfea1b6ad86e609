// SPDX-License-Identifier: Apache-2.0
// Objectives over packed sequences in f32, on one thread and on all cores: ns a token for loss and derivatives, and
// that as a multiple of the time that reading their columns and writing the derivatives alone takes in the same run on
// as many threads. A composition of your own joins with one line in `main`.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/evaluate.hpp"
#include "grove/objective/vector_units.hpp"
#include "grove/worker_pool.hpp"

namespace {

using Floats = std::vector<float>;

/// Every column there is; lengths are uniform in [1, 2 * mean).
struct Batch {
  std::vector<std::size_t> cu_seqlens{0};
  std::vector<std::uint32_t> lengths{};
  std::vector<std::uint8_t> counts{};
  Floats log_p{}, log_p_old{}, log_p_rollout{}, log_p_ref{}, entropy{}, advantage{}, value{}, value_old{}, return_{},
      reward{};
  Floats d_log_p{}, d_entropy{}, d_value{};

  Batch(std::size_t sequences, std::size_t mean) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform;
    for (std::size_t s = 0; s < sequences; ++s) {
      lengths.push_back(static_cast<std::uint32_t>(1 + random() % (2 * mean - 1)));
      cu_seqlens.push_back(cu_seqlens.back() + lengths.back());
      auto const a = uniform(random) - 0.5f;
      advantage.insert(advantage.end(), lengths.back(), a);
    }
    auto const n = cu_seqlens.back();
    counts.assign(n, 1);
    for (auto* column :
         {&log_p, &log_p_old, &log_p_rollout, &log_p_ref, &entropy, &value, &value_old, &return_, &reward})
      for (std::size_t i = 0; i < n; ++i) column->push_back(-uniform(random));
    for (auto* column : {&d_log_p, &d_entropy, &d_value}) column->resize(n);
  }

  grove::Rows<float> rows() const {
    return {.cu_seqlens = cu_seqlens,
            .lengths = lengths,
            .first = 0,
            .counts = counts,
            .log_p = log_p,
            .log_p_old = log_p_old,
            .log_p_rollout = log_p_rollout,
            .log_p_ref = log_p_ref,
            .entropy = entropy,
            .advantage = advantage,
            .value = value,
            .value_old = value_old,
            .return_ = return_,
            .reward = reward};
  }
};

Batch& batch() {
  static Batch all(512, 4096);
  return all;
}

template <class F>
double best_of(int times, F const& f) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < times; ++i) {
    auto const start = std::chrono::steady_clock::now();
    f();
    benchmark::ClobberMemory();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// The columns that an objective reads and the derivatives that it adds to.
struct Traffic {
  std::vector<std::span<const float>> in{};
  std::vector<std::span<float>> out{};
};

template <class O>
Traffic traffic(O const& objective) {
  using grove::Column;
  auto& b = batch();
  auto const wanted = objective.wanted();
  Traffic t{.in = {b.log_p, b.advantage}, .out = {b.d_log_p}};
  auto const add = [&](Column column, std::initializer_list<std::span<const float>> columns) {
    if (wanted.contains(column)) t.in.insert(t.in.end(), columns);
  };
  add(Column::OldLogProb, {b.log_p_old});
  add(Column::RolloutLogProb, {b.log_p_rollout});
  add(Column::RefLogProb, {b.log_p_ref});
  add(Column::Entropy, {b.entropy});
  add(Column::Value, {b.value, b.value_old, b.return_});
  add(Column::Reward, {b.reward});
  if (wanted.contains(Column::Entropy)) t.out.push_back(b.d_entropy);
  if (wanted.contains(Column::Value)) t.out.push_back(b.d_value);
  return t;
}

/// Reads rows [first, last) and adds to their derivatives: a sum of the columns, block by block.
void move_rows(Traffic const& t, std::size_t first, std::size_t last) {
  auto const& counts = batch().counts;
  grove::detail::on_vector_units([&]() __attribute__((always_inline)) {
    constexpr std::size_t block = 4096;
    float sum[16] = {};
    std::uint32_t counted = 0;
    for (std::size_t begin = first; begin < last; begin += block) {
      auto const end = std::min(begin + block, last);
      for (auto in : t.in) {
        auto const* x = in.data();
        auto i = begin;
        for (; i + 16 <= end; i += 16)
          for (std::size_t k = 0; k < 16; ++k) sum[k] += x[i + k];
        for (; i < end; ++i) sum[0] += x[i];
      }
      for (auto i = begin; i < end; ++i) counted += counts[i];
      for (auto out : t.out)
        for (auto i = begin; i < end; ++i) out[i] += 1.0f;
    }
    benchmark::DoNotOptimize(sum);
    benchmark::DoNotOptimize(counted);
  });
}

/// Seconds for the traffic alone.
double move_seconds(Traffic const& t, grove::WorkerPool& pool, int times) {
  constexpr std::size_t portion = 1 << 15;
  auto const rows = batch().counts.size();
  return best_of(times, [&] {
    pool.for_each((rows + portion - 1) / portion,
                  [&](std::size_t i) { move_rows(t, i * portion, std::min((i + 1) * portion, rows)); });
  });
}

template <class O>
void evaluate(benchmark::State& state, O const& objective) {
  auto& b = batch();
  auto const rows = b.rows();
  typename O::counts_type counts{};
  objective.count(rows, counts);
  typename O::denominators_type denominators;
  for (std::size_t i = 0; i < counts.size(); ++i)
    denominators[i] = {.micro_batch = counts[i], .data_parallel = counts[i], .window = counts[i]};
  auto const t = traffic(objective);
  bool const entropy = objective.wanted().contains(grove::Column::Entropy);
  bool const value = objective.wanted().contains(grove::Column::Value);
  grove::TokenGradients<float> const gradients{.log_prob = b.d_log_p,
                                               .entropy = entropy ? std::span(b.d_entropy) : std::span<float>{},
                                               .value = value ? std::span(b.d_value) : std::span<float>{}};
  typename O::tally_type tally;
  grove::WorkerPool pool(static_cast<std::size_t>(state.range(0)));
  double moved = move_seconds(t, pool, 5), best = std::numeric_limits<double>::infinity();
  for (auto _ : state) {
    best = std::min(best, best_of(1, [&] { grove::evaluate(objective, rows, denominators, gradients, tally, pool); }));
    moved = std::min(moved, move_seconds(t, pool, 1));
  }
  benchmark::DoNotOptimize(tally);
  auto const tokens = static_cast<double>(b.counts.size());
  // Derivatives are read and written; whether a token counts is one byte.
  auto const bytes = static_cast<double>(sizeof(float) * (t.in.size() + 2 * t.out.size()) + 1) * tokens;
  state.counters["tokens"] = tokens;
  state.counters["ns/token"] = 1e9 * best / tokens;
  state.counters["GB/s"] = 1e-9 * bytes / best;
  state.counters["copy_GB/s"] = 1e-9 * bytes / moved;
  state.counters["of_copy"] = moved / best;
  state.counters["of_move"] = best / moved;
}

template <class Algorithm>
void compare(std::string const& name, Algorithm const& algorithm = {}) {
  benchmark::RegisterBenchmark(
      name.c_str(), [objective = algorithm.objective](benchmark::State& state) { evaluate(state, objective); })
      ->ArgName("threads")
      ->Arg(1)
      ->Arg(std::max(1U, std::thread::hardware_concurrency()))
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  compare<grove::Grpo>("Grpo, k3");
  compare<grove::Dapo>("Dapo");
  compare<grove::Gspo>("Gspo");
  compare<grove::Cispo>("Cispo");
  compare<grove::Ppo>("Ppo");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
