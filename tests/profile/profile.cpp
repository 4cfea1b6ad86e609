// SPDX-License-Identifier: Apache-2.0
// The profile of a run: what the trainer tells it, the metrics it makes of that, and the trace as a viewer reads it.
#include "grove/profile/profile.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/walks.hpp"
#include "grove/algorithms.hpp"
#include "grove/io/json.hpp"
#include "grove/reward/environment.hpp"
#include "grove/trainer.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace {

using grove::io::Json;

auto trainer(grove::TrainOptions options) {
  return grove::Trainer(grove::GrpoTokenMean{}, test::Walker(3), test::Wander{}, grove::EnvironmentReward{},
                        std::move(options));
}

/// Resident memory straight from the system: an allocator may keep what is freed (a sanitizer's does) or add to it.
void hold(std::size_t bytes) {
  void* const block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(block != MAP_FAILED);
  auto* const pages = static_cast<char volatile*>(block);
  for (std::size_t at = 0; at < bytes; at += 4096) pages[at] = 'x';
  munmap(block, bytes);
}

}  // namespace

TEST_CASE("a step tells of its phases, optimizer steps and micro-batches, nested and in order") {
  std::vector<std::string> told;
  std::size_t deep = 0;
  auto run = trainer({.schedule = {.peak = 0.05}, .epochs = 2, .on_span = [&](std::string_view name, bool begins) {
                        if (begins) told.push_back(std::string(deep, ' ') + std::string(name));
                        deep += begins ? 1 : std::size_t(-1);
                      }});
  run.step();
  CHECK(deep == 0);
  std::vector<std::string> const expected = {"step",      " gather",          " score",           " shape",
                                             " estimate", " update",          "  optimizer step", "   micro-batch",
                                             "   apply",  "  optimizer step", "   micro-batch",   "   apply"};
  CHECK(told == expected);
}

TEST_CASE("tokens a second, shares of the machine and peaks of memory come from a step's size") {
  grove::Profile profile({.model = {.layers = 1,
                                    .hidden = 8,
                                    .intermediate = 16,
                                    .heads = 2,
                                    .kv_heads = 1,
                                    .head_dim = 4,
                                    .vocabulary = 10,
                                    .tied_embeddings = true,
                                    .qkv_bias = false},
                          .operations = 1e6,
                          .bandwidth = 1e4,
                          .weight_bytes = 1000});
  auto const hook = profile.on_span();
  for (auto const* phase : {"gather", "score", "update"}) {
    grove::Span const span(hook, phase);
    if (phase == std::string("score")) hold(std::size_t{64} << 20U);
  }
  grove::Metrics metrics;
  metrics.set("timing/gather", 2);
  metrics.set("timing/score", 0.5);
  metrics.set("timing/update", 4);
  metrics.set("step_time", 8);
  metrics.set("completions/max_length", 6);
  profile.report({.sequences = 2,
                  .sampled_tokens = 16,
                  .tokens = 24,
                  .squared_lengths = 300,
                  .scored_passes = 1,
                  .trained_passes = 2},
                 metrics);
  // 8 x (8 + 2 x 4) + 8 x 8 + 3 x 8 x 16 + 2 x 8 weights of the layer, 8 of the last norm, 80 of the embedding
  double const forward = 2 * (128 + 64 + 384 + 16 + 8 + 80) * 24 + 2 * 8 * 300;
  CHECK(metrics.find("timing/tokens_per_second") == 2.0);
  CHECK(metrics.find("timing/gather_tokens_per_second") == 8.0);
  CHECK(metrics.find("timing/update_tokens_per_second") == 12.0);
  CHECK(*metrics.find("timing/score_mfu") == Approx(forward / 0.5 / 1e6));
  CHECK(*metrics.find("timing/update_mfu") == Approx(2 * 3 * forward / 4 / 1e6));
  CHECK(*metrics.find("timing/gather_bandwidth") == Approx(6 * 1000 / 2.0 / 1e4));
  double const gather = metrics.find("timing/gather_peak_bytes").value();
  double const score = metrics.find("timing/score_peak_bytes").value();
  double const update = metrics.find("timing/update_peak_bytes").value();
  CHECK(score - gather > 60e6);
  CHECK(score - gather < 70e6);
  CHECK(update < score - 60e6);
}

TEST_CASE("a trace is JSON with every span of a run, and each rank writes its own") {
  TemporaryFolder const folder("profile");
  std::filesystem::create_directories(folder.path);
  for (std::size_t rank : {0, 1}) {
    grove::Profile profile({.trace = folder.path / "trace.json", .rank = rank});
    auto run = trainer({.schedule = {.peak = 0.05},
                        .on_span = profile.on_span(),
                        .on_step = [&](grove::StepSize const& size, grove::Metrics& m) { profile.report(size, m); }});
    CHECK(run.step().metrics.find("timing/tokens_per_second").value() > 0);
    run.step();
    profile.finish();
  }
  for (std::size_t rank : {0, 1}) {
    auto const name = rank == 0 ? "trace.json" : "trace-rank-1.json";
    auto const trace = grove::io::read_json_file((folder.path / name).string());
    std::size_t steps = 0, micro_batches = 0;
    double end_of_step = 0;
    for (auto const& event : trace["traceEvents"]) {
      CHECK(event["pid"] == rank);
      if (event["ph"] == "M") continue;
      REQUIRE(event["ph"] == "X");
      CHECK(event["dur"] >= 0);
      if (event["name"] == "micro-batch") ++micro_batches;
      if (event["name"] != "step") continue;
      ++steps;
      CHECK(event["ts"] >= end_of_step);
      end_of_step = event["ts"].get<double>() + event["dur"].get<double>();
    }
    CHECK(steps == 2);
    CHECK(micro_batches == 2);
  }
}

TEST_CASE("a trace that cannot be written is an error of finish and none of the destructor") {
  grove::Profile profile({.trace = "/nonexistent/trace.json"});
  CHECK_THROWS_AS(profile.finish(), grove::Error);
}
