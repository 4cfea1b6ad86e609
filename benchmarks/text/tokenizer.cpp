// SPDX-License-Identifier: Apache-2.0
// Loading, encoding and decoding on one thread: line by line, as tokenizer_speed.py of the shared oracles measures the
// Python peers, on the same files (shared/eval/*.jsonl). Without them: the small Qwen2 fixture on its own cases.
#include "grove/text/tokenizer.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using grove::text::Tokenizer;
namespace fs = std::filesystem;

struct Work {
  fs::path tokenizer;
  std::vector<std::string> lines;
  std::size_t bytes = 0;
};

Work find_work() {
  char const* const set = std::getenv("GROVE_SHARED");
  fs::path const shared = set != nullptr ? fs::path(set) : fs::path(GROVE_TEST_DATA) / "../../../shared";
  bool const real = fs::exists(shared / "tokenizer/tokenizer.json") && fs::is_directory(shared / "eval");
  Work work;
  work.tokenizer = real ? shared / "tokenizer" : fs::path(GROVE_TEST_DATA) / "tokenizer/qwen2";
  std::vector<fs::path> files;
  for (auto const& entry : fs::directory_iterator(real ? shared / "eval" : work.tokenizer)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (fs::path const& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      work.bytes += line.size();
      work.lines.push_back(line);
    }
  }
  return work;
}

void set_rate(benchmark::State& state, Work const& work, std::size_t tokens) {
  state.SetBytesProcessed(static_cast<std::int64_t>(work.bytes) * state.iterations());
  state.counters["tokens"] = static_cast<double>(tokens);
}

void load(benchmark::State& state) {
  Work const work = find_work();
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(work.tokenizer).vocab_size());
}

void encode(benchmark::State& state) {
  Work const work = find_work();
  Tokenizer const tokenizer = Tokenizer::load(work.tokenizer);
  std::size_t tokens = 0;
  for (auto _ : state) {
    tokens = 0;
    for (std::string const& line : work.lines) tokens += tokenizer.encode(line).size();
  }
  set_rate(state, work, tokens);
}

void decode(benchmark::State& state) {
  Work const work = find_work();
  Tokenizer const tokenizer = Tokenizer::load(work.tokenizer);
  std::vector<std::vector<grove::TokenId>> ids;
  std::size_t tokens = 0;
  for (std::string const& line : work.lines) tokens += ids.emplace_back(tokenizer.encode(line)).size();
  for (auto _ : state) {
    for (auto const& line : ids) benchmark::DoNotOptimize(tokenizer.decode(line).data());
  }
  set_rate(state, work, tokens);
}

BENCHMARK(load)->Unit(benchmark::kMillisecond);
BENCHMARK(encode)->Unit(benchmark::kMillisecond);
BENCHMARK(decode)->Unit(benchmark::kMillisecond);

}  // namespace
