// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/recording.hpp"

#include <fstream>

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/io/safetensors.hpp"
#include "grove/rollout/run_folder.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

struct Folder : TemporaryFolder {
  Folder() : TemporaryFolder("recording") {}
};

/// Recorded rewards where there are any.
struct Rewards {
  grove::RewardMatrix evaluate(grove::TokenTrajectories const& t) const {
    return t.recorded.samples() > 0 ? t.recorded : grove::score_batch(tiny::EvenTokens{}, t);
  }
};

using Numbers = std::vector<std::pair<std::string, double>>;

/// Metrics of a step, without wall times.
Numbers numbers(grove::StepReport const& report) {
  Numbers result;
  for (auto const& [name, value] : report.metrics)
    if (!name.starts_with("timing/") && name != "step_time") result.emplace_back(name, value);
  return result;
}

template <class X>
std::vector<Numbers> run(X rollout, grove::TrainOptions options, std::filesystem::path const& record) {
  grove::Trainer trainer(grove::Grpo{}, tiny::policy(), std::move(rollout), Rewards{}, options, grove::TokenBudget{40});
  std::vector<Numbers> all;
  for (int i = 0; i < 3; ++i) {
    auto const report = trainer.step();
    all.push_back(numbers(report));
    if (!record.empty()) grove::Recorder{record}(trainer, report);
  }
  return all;
}

std::string write_line(std::filesystem::path const& folder, std::string const& line) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "step-000001.jsonl") << line << '\n';
  try {
    grove::read_recording(folder, 1, tiny::policy());
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a replayed run repeats its metrics bit for bit") {
  Folder folder;
  grove::TrainOptions options{.schedule = {.peak = 1e-3}, .seed = 3};
  SECTION("one update a batch") {}
  SECTION("several epochs and minibatches") {
    options.epochs = 2;
    options.minibatches = 3;
  }
  auto const recorded = run(tiny::sampler(), options, folder.path);
  REQUIRE(run(grove::Replay(folder.path), options, {}) == recorded);
}

TEST_CASE("scores of tokens are written as lists and read back as they were") {
  Folder folder;
  auto policy = tiny::policy();
  auto rollout = tiny::sampler();
  auto const t = rollout.collect(policy);
  grove::RewardMatrix rewards({"steps", "whole"}, {0.5, 2.0}, t.samples.size());
  for (std::size_t s = 0; s < t.samples.size(); ++s) {
    std::vector<double> tokens(t.samples[s].completion.tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = 0.1 * static_cast<double>(s + i);
    if (!tokens.empty()) rewards.set_tokens(0, s, tokens);
    rewards(1, s) = 1;
  }
  grove::write_recording(folder.path, 1, t, rewards, {}, 1);
  auto const read = grove::read_recording(folder.path, 1, policy).recorded.weighed_as({"whole", "steps"}, {2.0, 0.5});
  REQUIRE(read.samples() == rewards.samples());
  REQUIRE(read.has_tokens());
  for (std::size_t s = 0; s < t.samples.size(); ++s) {
    CHECK(std::ranges::equal(read.tokens(1, s), rewards.tokens(0, s)));
    CHECK(read(1, s) == rewards(0, s));
    CHECK(read.tokens(0, s).empty());
    CHECK(read.combined(s) == rewards.combined(s));
  }
}

TEST_CASE("hand-written lines need neither log-probs nor places") {
  Folder folder;
  std::filesystem::create_directories(folder.path);
  std::ofstream(folder.path / "step-000001.jsonl")
      << R"({"id":0,"group":0,"prompt_ids":[1,2,3],"ids":[4,5],"rewards":{"r":1.0},"finish":"stop"})" << '\n'
      << R"({"id":0,"group":0,"prompt_ids":[1,2,3],"ids":[6],"rewards":{"r":null},"finish":"length"})" << '\n';
  auto const policy = tiny::policy();
  auto const t = grove::read_recording(folder.path, 1, policy);
  REQUIRE(t.samples.size() == 2);
  REQUIRE(t.plan.empty());
  REQUIRE(t.episodes.truncated == std::vector<std::uint8_t>{0, 1});
  REQUIRE(t.recorded(0, 0) == 1.0);
  REQUIRE_FALSE(t.recorded(0, 1).has_value());
  auto const expected = policy.log_probs(std::vector<std::vector<grove::TokenId>>{{1, 2, 3, 4, 5}}, 1);
  REQUIRE(t.rollout_log_probs()[0] == expected[0][2]);
  REQUIRE(t.rollout_log_probs()[1] == expected[0][3]);
}

TEST_CASE("a bad line is named with its file, number and key") {
  Folder folder;
  auto const message =
      write_line(folder.path, R"({"id":0,"group":0,"prompt_ids":[1],"ids":[999999],"rewards":{"r":1}})");
  CHECK(message.find("step-000001.jsonl:1") != message.npos);
  CHECK(message.find("ids") != message.npos);
  CHECK(write_line(folder.path, R"({"id":0,"prompt_ids":[1],"ids":[2],"rewards":{"r":1}})").find("group") !=
        message.npos);
  CHECK(write_line(folder.path, R"({"id":0,"group":0,"prompt_ids":[1],"ids":[2],"log_probs":[],"rewards":{"r":1}})")
            .find("log_probs") != message.npos);
  CHECK_FALSE(write_line(folder.path, "{").empty());
  CHECK(write_line(folder.path, R"({"id":0,"group":0,"prompt_ids":[1],"ids":[2],"rewards":{}})").find("rewards") !=
        message.npos);
  CHECK(write_line(folder.path, R"({"id":0,"group":0,"prompt_ids":[1],"ids":[2],"rewards":{"r":[1,2]}})")
            .find("lists of 1 numbers") != message.npos);
  CHECK_FALSE(
      write_line(folder.path, R"({"id":0,"group":0,"prompt_ids":[1],"ids":[2],"rewards":{"r":["1"]}})").empty());
}

TEST_CASE("two sequences of one group and index, and a step without any, are refused") {
  Folder folder;
  std::string const line = R"({"id":0,"group":3,"index":1,"prompt_ids":[1],"ids":[2],"rewards":{"r":1}})";
  auto const message = write_line(folder.path, line + "\n" + line);
  CHECK(message.find("step-000001.jsonl:2: group 3 has a sequence of index 1") != message.npos);
  CHECK(write_line(folder.path, "").find("holds no sequence") != message.npos);
}

TEST_CASE("a completion that was ended early is no sample, and trajectories refuse it") {
  grove::TokenSample sample;
  sample.completion = {.tokens = {1, 2}, .log_probs = {-1, -2}, .versions = {0, 0}};
  grove::TokenTrajectories t;
  t.add(sample, 0);
  sample.completion.finish = grove::Finish::Ended;
  REQUIRE_THROWS_AS(t.add(sample, 0), grove::Error);
  CHECK(t.samples.size() == 1);
  CHECK(t.episodes.sequences() == 1);
}

TEST_CASE("a missing step says which") {
  Folder folder;
  REQUIRE_THROWS_AS(grove::read_recording(folder.path, 4, tiny::policy()), grove::Error);
}

TEST_CASE("gradients are dumped under the parameters' names, before clipping") {
  Folder folder;
  grove::TrainOptions options{
      .schedule = {.peak = 1e-3}, .max_grad_norm = 1e-6, .on_gradients = grove::dump_gradients_to(folder.path)};
  auto const metrics = run(tiny::sampler(), options, {});
  auto const file = grove::io::SafetensorsFile::open((folder.path / "update-000001.safetensors").string());
  REQUIRE(file.tensors().size() == tiny::policy().parameters().size());
  double squares = 0;
  for (auto const& tensor : file.tensors()) {
    auto const bytes = file.bytes(tensor);
    auto const* values = reinterpret_cast<float const*>(bytes.data());
    for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i)
      squares += static_cast<double>(values[i]) * values[i];
  }
  double norm = 0;
  for (auto const& [name, value] : metrics[0])
    if (name == "grad_norm") norm = value;
  REQUIRE(std::sqrt(squares) == Approx(norm).epsilon(1e-6));
  REQUIRE(norm > 1e-6);
}
