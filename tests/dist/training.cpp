// SPDX-License-Identifier: Apache-2.0
// Several ranks that divide recorded rollouts train as one that has them all.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dist/replayed.hpp"
#include "grove/algorithms.hpp"
#include "grove/io/json.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;

namespace {

/// The tolerances of issue and design: gradients to 1e-6 of a tensor's norm, numbers to 1e-5, parameters to 1e-4 of the
/// way that they went.
void check_alike(test::Outcome const& one, test::Outcome const& rank) {
  CHECK(test::distance(one.gradient, rank.gradient) < 1e-6);
  for (std::size_t i = 0; i < one.loss.size(); ++i) {
    CHECK(rank.loss[i] == Approx(one.loss[i]).epsilon(1e-5).margin(1e-7));
    CHECK(rank.kl[i] == Approx(one.kl[i]).epsilon(1e-5).margin(1e-9));
    CHECK(rank.norm[i] == Approx(one.norm[i]).epsilon(1e-5));
    CHECK(rank.reward[i] == Approx(one.reward[i]).epsilon(1e-12));
  }
  CHECK(test::distance(one.values, rank.values, &one.start) < 1e-4);
}

/// GRPO whose groups without signal leave the batch.
using Filtered =
    Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>>,
              AsJudged, DropUniformGroups>;

/// Leaves the split into micro-batches to the trainer, gives the rewards of group 1 one value, and puts groups 0 and 1
/// on rank 0, 2 on rank 1, the others on rank 3.
void rewrite(std::filesystem::path const& file) {
  std::ifstream in(file);
  std::string text;
  for (std::string line; std::getline(in, line);) {
    auto json = io::parse_json_line(line, "line");
    for (auto const* key : {"minibatch", "micro_batch", "position"}) json.erase(key);
    auto const group = json["group"].get<std::size_t>();
    json["rank"] = group < 2 ? 0 : group == 2 ? 1 : 3;
    if (group == 1) json["rewards"]["even_tokens"] = 3;
    text += json.dump() + "\n";
  }
  in.close();
  std::ofstream(file) << text;
}

}  // namespace

TEST_CASE("two and four ranks, two of them empty, train on a recording as one does") {
  TemporaryFolder const folder("ranks");
  test::Run const run{.folder = folder.path};
  test::record(folder.path, run.steps, 2);
  auto const one = test::train(run, GrpoTokenMean{}, Solo{});
  for (std::size_t const size : {2, 4}) {
    auto const ranks = test::train_on(size, run, GrpoTokenMean{}), again = test::train_on(size, run, GrpoTokenMean{});
    for (auto const& rank : ranks) {
      check_alike(one, rank);
      CHECK(rank == ranks[0]);
    }
    CHECK(again[0] == ranks[0]);
  }
}

TEST_CASE("four ranks with ZeRO-2, accumulation, an empty rank and a filtered group train as one process does") {
  TemporaryFolder const folder("zero");
  test::Run run{.folder = folder.path, .max_difference = HUGE_VAL};  // a group less moves the weights elsewhere
  test::record(folder.path, run.steps, 5);
  for (auto const& file : std::filesystem::directory_iterator(folder.path)) rewrite(file.path());
  Filtered algorithm;
  algorithm.filter.max_collections = 1;
  auto const one = test::train(run, algorithm, Solo{});
  std::vector<test::Outcome> levels;
  for (auto const level : {Zero::Nothing, Zero::Optimizer, Zero::Gradients}) {
    run.sharding = {.level = level, .bucket = 1000};
    auto const ranks = test::train_on(4, run, algorithm), again = test::train_on(4, run, algorithm);
    CHECK(ranks[3].micro_batches >= 4);
    CHECK(ranks[2].micro_batches == 0);
    for (auto const& rank : ranks) {
      check_alike(one, rank);
      CHECK(rank == ranks[0]);
    }
    CHECK(again[0] == ranks[0]);
    levels.push_back(ranks[0]);
  }
  // What is divided changes no bit.
  CHECK(levels[1] == levels[0]);
  CHECK(levels[2] == levels[0]);
  CHECK(levels[2].gradient == levels[0].gradient);
}

TEST_CASE("each rank holds its share of moments and gradients") {
  TemporaryFolder const folder("held");
  test::Run run{.folder = folder.path, .steps = 2};
  test::record(folder.path, run.steps, 4);
  std::size_t elements = 0;
  for (auto const& p : tiny::policy().parameters()) elements += p.size;
  for (auto const level : {Zero::Nothing, Zero::Optimizer, Zero::Gradients}) {
    run.sharding = {.level = level, .bucket = 4096};
    std::size_t const buckets = (elements + 4095) / 4096;
    for (auto const& rank : test::train_on(4, run, GrpoTokenMean{})) {
      auto const moments = level == Zero::Nothing ? elements : elements / 4;
      CHECK(rank.held.moments <= 8 * (moments + buckets + 4096));
      CHECK(rank.held.moments + 8 * (buckets + 4096) >= 8 * moments);
      if (level == Zero::Gradients) CHECK(rank.held.gradients <= 4 * (elements / 4 + buckets));
    }
  }
}

TEST_CASE("8-bit moments: levels and repeats are the same bits, and each rank holds a quarter of a quarter") {
  TemporaryFolder const folder("quantized");
  // The recorder's weights moved with full moments.
  test::Run run{.folder = folder.path, .adamw = {.moments = MomentFormat::Block8}, .max_difference = HUGE_VAL};
  test::record(folder.path, run.steps, 5);
  std::size_t quantized = 0, blocks = 0, small = 0;
  for (auto const& p : tiny::policy().parameters()) {
    bool const large = p.size >= AdamW::least_quantized;
    (large ? quantized : small) += p.size;
    blocks += large ? quantized_blocks(p.size) : 0;
  }
  REQUIRE(quantized > small / 2);
  std::vector<test::Outcome> levels;
  for (auto const level : {Zero::Nothing, Zero::Optimizer, Zero::Gradients}) {
    run.sharding = {.level = level, .bucket = 1000};
    auto const ranks = test::train_on(4, run, GrpoTokenMean{});
    std::size_t held = 0;
    for (auto const& rank : ranks) {
      CHECK(rank == ranks[0]);
      held += rank.held.moments;
    }
    auto const whole = 8 * small + 2 * quantized + 2 * sizeof(float) * blocks;
    CHECK(held == whole * (level == Zero::Nothing ? 4 : 1));
    levels.push_back(ranks[0]);
  }
  CHECK(levels[1] == levels[0]);
  CHECK(levels[2] == levels[0]);
  CHECK(test::train_on(4, run, GrpoTokenMean{})[0] == levels[0]);
  // Gradients of one process differ in their last bits; a moment on a border between two levels may then go to the
  // other one, a step of 7 % in the first and 3.5 % in the second moment at most where it matters.
  auto const one = test::train(run, GrpoTokenMean{}, Solo{});
  CHECK(test::distance(one.gradient, levels[0].gradient) < 1e-6);
  CHECK(test::distance(one.values, levels[0].values, &one.start) < 0.02);
}

TEST_CASE("ranks sample what one process samples") {
  auto policy = tiny::policy();
  GroupSamplerOptions options{.problems = 3, .group = 2, .max_tokens = 12, .seed = 9};
  auto whole = tiny::sampler(options);
  std::vector<Share> const shares = {{0, 2}, {1, 2}};
  for (int collection = 0; collection < 2; ++collection) {
    auto const all = whole.collect(policy);
    std::size_t s = 0;
    for (auto const& share : shares) {
      options.share = share;
      auto part = tiny::sampler(options);
      part.set_collections(static_cast<std::uint64_t>(collection));
      for (auto const& sample : part.collect(policy).samples) {
        CHECK(sample.id == all.samples[s].id);
        CHECK(sample.completion.tokens == all.samples[s].completion.tokens);
        CHECK(sample.completion.log_probs == all.samples[s].completion.log_probs);
        ++s;
      }
    }
    CHECK(s == all.samples.size());
  }
}
