// SPDX-License-Identifier: Apache-2.0
// Checks a second and core: the dev bench of the shared golden data, plain numbers, and long completions, for each
// policy; scaling over threads; what a workspace may hold. Without the golden data: plain numbers alone.
// against_math_verify.py measures Math-Verify beside.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "../../tests/support/golden.hpp"
#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"

namespace {

using namespace grove::math;

struct Row {
  std::string gold;
  std::string completion;
};

std::vector<Row> const& dev_bench() {
  static std::vector<Row> const rows = [] {
    std::vector<Row> all;
    for (auto const& row : grove::test::read_rows(grove::test::golden_path("mathverify_bench_dev.jsonl"))) {
      all.push_back({row["gold"].get<std::string>(), row["completion"].get<std::string>()});
    }
    return all;
  }();
  return rows;
}

std::vector<Row> const& plain_numbers() {
  static std::vector<Row> const rows = [] {
    std::vector<Row> numbers;
    for (int i = 0; i < 1000; ++i) {
      std::string const value = std::to_string(i * 37 % 2003) + (i % 5 == 0 ? ".5" : "");
      numbers.push_back(
          {"$" + value + "$", "So the result is \\boxed{" + (i % 3 == 0 ? std::to_string(i) : value) + "}."});
    }
    return numbers;
  }();
  return rows;
}

template <Policy P>
void judge_all(benchmark::State& state, std::vector<Row> const& rows) {
  if (rows.empty()) {
    state.SkipWithError("the golden data are not there");
    return;
  }
  P const policy{};
  Workspace workspace;
  std::size_t most = 0;
  for (auto _ : state) {
    for (Row const& row : rows) {
      benchmark::DoNotOptimize(policy.judge(workspace, row.gold, row.completion));
      most = std::max(most, workspace.arena.memory());
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * rows.size()));
  state.counters["arena_bytes"] = benchmark::Counter(static_cast<double>(most), benchmark::Counter::kAvgThreads);
  state.counters["arena_limit"] =
      benchmark::Counter(static_cast<double>(workspace.arena.memory_limit()), benchmark::Counter::kAvgThreads);
}

template <Policy P>
void on_dev_bench(benchmark::State& state) {
  judge_all<P>(state, dev_bench());
}

template <Policy P>
void on_plain_numbers(benchmark::State& state) {
  judge_all<P>(state, plain_numbers());
}

/// Bytes a second through extraction: the answer stands at the end of a long text.
template <Policy P>
void on_long_completion(benchmark::State& state) {
  std::string text;
  while (text.size() < 200'000) text += "Then $a_{1} = \\frac{3}{4}$, so that 17 of 20 remain; hence (x + 1)^2 = 4. ";
  text += "\\boxed{42}";
  P const policy{};
  Workspace workspace;
  for (auto _ : state) benchmark::DoNotOptimize(policy.judge(workspace, "$42$", text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

/// Bytes a second of extraction alone, to the last candidate of every priority: no answer in the text.
void on_extraction(benchmark::State& state, Targets const& targets) {
  std::string text;
  while (text.size() < 200'000) {
    text += "We know that $a_{1} = \\frac{3}{4}$, so that 17 of the 20 remain; hence\n\\[(x + 1)^2 = 4.\\]\n";
    text += "Wait, let me check whether this holds for x = 5 as well, since the second case was left out above. ";
  }
  Extractor extractor;
  for (auto _ : state) {
    std::size_t candidates = 0;
    extractor.each(text, targets, [&](Match const&) { return ++candidates != 0; });
    benchmark::DoNotOptimize(candidates);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
void on_extraction_of_latex(benchmark::State& state) { on_extraction(state, {.latex = LatexTarget{}}); }
void on_extraction_of_both(benchmark::State& state) {
  on_extraction(state, {.latex = LatexTarget{}, .expression = ExpressionTarget{}});
}

BENCHMARK(on_extraction_of_latex);
BENCHMARK(on_extraction_of_both);
BENCHMARK(on_dev_bench<Strict>)->Unit(benchmark::kMillisecond)->ThreadRange(1, 2);
BENCHMARK(on_dev_bench<Compatible>)->Unit(benchmark::kMillisecond)->ThreadRange(1, 2);
BENCHMARK(on_dev_bench<QwenGrader>)->Unit(benchmark::kMillisecond);
BENCHMARK(on_plain_numbers<Strict>)->Unit(benchmark::kMillisecond)->ThreadRange(1, 2);
BENCHMARK(on_plain_numbers<Compatible>)->Unit(benchmark::kMillisecond);
BENCHMARK(on_long_completion<Strict>)->Unit(benchmark::kMillisecond);
BENCHMARK(on_long_completion<Compatible>)->Unit(benchmark::kMillisecond);

}  // namespace
