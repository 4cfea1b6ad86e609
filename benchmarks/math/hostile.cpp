// SPDX-License-Identifier: Apache-2.0
// The longest check of each policy over texts made to make it long (tests/math/hostile_texts.hpp): milliseconds of CPU,
// the best of three, for the worst texts, as gold answer "$7$" or the text itself.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "../../tests/math/hostile_texts.hpp"
#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"

namespace {

using namespace grove::math;

struct LibraryDefaults : Compatible {
  static constexpr std::string_view name = "library-defaults";
  LibraryDefaults() : Compatible(library_defaults()) {}
};

struct Timed {
  double milliseconds;
  std::string what;
};

template <Policy P>
double judge(P const& policy, Workspace& workspace, std::string const& gold, std::string const& text) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    timespec before{};
    timespec behind{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    benchmark::DoNotOptimize(policy.judge(workspace, gold, text));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &behind);
    double const seconds = static_cast<double>(behind.tv_sec - before.tv_sec) +
                           1e-9 * static_cast<double>(behind.tv_nsec - before.tv_nsec);
    best = std::min(best, 1e3 * seconds);
    if (best < 1) break;
  }
  return best;
}

template <Policy P>
void hostile(benchmark::State& state) {
  P const policy{};
  Workspace workspace;
  std::vector<Timed> all;
  for (auto _ : state) {
    all.clear();
    for (bool const values : {true, false}) {
      for (std::string const& text : values ? grove::test::hostile_values() : grove::test::hostile_texts()) {
        for (bool const same : {false, true}) {
          std::string what = text.substr(0, 50);
          std::replace(what.begin(), what.end(), '\n', ' ');
          what.insert(0, same ? "itself: " : "7: ");
          all.push_back({judge(policy, workspace, same ? text : "$7$", text), what});
        }
      }
    }
  }
  std::sort(all.begin(), all.end(), [](Timed const& a, Timed const& b) { return a.milliseconds > b.milliseconds; });
  for (std::size_t i = 0; i < 8 && i < all.size(); ++i)
    std::printf("%-18s %8.2f ms  %s\n", std::string(P::name).c_str(), all[i].milliseconds, all[i].what.c_str());
  state.counters["worst_ms"] = all.front().milliseconds;
  state.counters["texts"] = static_cast<double>(all.size());
}

BENCHMARK(hostile<Strict>)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(hostile<Compatible>)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(hostile<CompatibleOpenRs>)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(hostile<LibraryDefaults>)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(hostile<Lighteval>)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(hostile<QwenGrader>)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
