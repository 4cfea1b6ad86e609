// SPDX-License-Identifier: Apache-2.0
// Checkpoints of ranks that divide the optimizer's state: whole again on the same ranks, on others, and on one.
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dist/replayed.hpp"
#include "grove/checkpoint/checkpoint.hpp"
#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t total = 6;

template <class C>
test::Tensors go_on(fs::path const& recording, fs::path const& from, std::size_t steps, Checkpoint* save, Zero level,
                    CausalLmOptions model, AdamWOptions adamw, C ranks) {
  Trainer trainer(GrpoTokenMean{}, tiny::policy(model), Replay(recording, {ranks.rank(), ranks.size()}),
                  test::Recorded{},
                  {.schedule = {.peak = 1e-3},
                   .adamw = adamw,
                   .old_log_probs = OldLogProbs::Current,
                   .sharding = {.level = level, .bucket = 1000},
                   .ratio_check = {.max_difference = HUGE_VAL}},
                  TokenBudget{20}, ranks);
  if (!from.empty()) resume(trainer, from);
  if (save)
    trainer.run(steps, *save);
  else
    trainer.run(steps);
  test::Tensors values;
  auto const parameters = trainer.policy().parameters();
  for (auto const& p : parameters)
    for (std::size_t i = 0; i < p.size; ++i) values[std::string(p.name)].push_back(static_cast<float>(value_at(p, i)));
  CHECK(trainer.policy().version() == total);
  return values;
}

std::vector<test::Tensors> on(std::size_t size, fs::path const& recording, fs::path const& from, std::size_t steps,
                              CheckpointOptions const* save, Zero level, CausalLmOptions const& model,
                              AdamWOptions const& adamw = {}) {
  std::vector<test::Tensors> values(size);
  auto const errors = test::on_ranks(size, 60s, [&](ProcessGroup& group) {
    std::optional<Checkpoint> checkpoint;
    if (save) checkpoint.emplace(*save);
    values[group.rank()] =
        go_on(recording, from, steps, checkpoint ? &*checkpoint : nullptr, level, model, adamw, group);
  });
  for (auto const& error : errors) {
    INFO(error);
    REQUIRE(error.empty());
  }
  return values;
}

/// Ranks of which rank 1 finds a folder where its file of checkpoint 4 belongs, as soon as it knows where to write.
struct Obstructed : ProcessGroup {
  Obstructed(ProcessGroup const& group, fs::path folder) : ProcessGroup(group), run(std::move(folder)) {}

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all, DeviceMemory const* device = nullptr) {
    ProcessGroup::all_gather(mine, all, device);
    std::error_code none;
    for (auto const& entry : fs::directory_iterator(run, none))
      if (rank() == 1 && entry.path().filename().string().find("checkpoint-4") != std::string::npos)
        fs::create_directories(entry.path() / "optimizer-00001-of-00002.safetensors" / "x");
  }

  fs::path run{};
};

}  // namespace

TEST_CASE("a divided checkpoint goes on bit for bit on as many ranks, and on any other number") {
  for (auto const dtype : {Dtype::F32, Dtype::BF16})
    for (bool const asynchronous : {true, false}) {
      CausalLmOptions const model{.dtype = dtype, .threads = 1};
      TemporaryFolder const recording("recording"), run("run");
      test::record(recording.path, total, 4);
      CheckpointOptions const options{.folder = run.path, .every = 2, .asynchronous = asynchronous};
      auto const whole = on(4, recording.path, {}, total, &options, Zero::Gradients, model);
      auto const found = checkpoints_in(run.path);
      REQUIRE(found.size() == 3);
      CHECK(fs::exists(found[1].path / "optimizer-00003-of-00004.safetensors"));
      auto const from = found[1].path;
      CHECK(found[1].step == 4);
      auto const resumed = on(4, recording.path, from, total - 4, nullptr, Zero::Gradients, model);
      for (auto const& rank : resumed) CHECK(rank == whole[0]);
      // Levels are the same numbers, so that a checkpoint of one goes on as the other.
      CHECK(on(4, recording.path, from, total - 4, nullptr, Zero::Nothing, model)[0] == whole[0]);
      auto const two = on(2, recording.path, from, total - 4, nullptr, Zero::Optimizer, model);
      CHECK(two[0] == two[1]);
      double const tolerance = dtype == Dtype::F32 ? 1e-5 : 1e-2;
      CHECK(test::distance(two[0], whole[0]) < tolerance);
      CHECK(test::distance(on(1, recording.path, from, total - 4, nullptr, Zero::Nothing, model)[0], whole[0]) <
            tolerance);
    }
}

TEST_CASE("a checkpoint of one process is divided when several resume") {
  TemporaryFolder const recording("recording"), run("run");
  test::record(recording.path, total, 4);
  CheckpointOptions const options{.folder = run.path, .every = 2};
  CausalLmOptions const model{.threads = 1};
  auto const whole = on(1, recording.path, {}, total, &options, Zero::Nothing, model);
  auto const resumed = on(4, recording.path, run.path / "checkpoint-4", 2, nullptr, Zero::Gradients, model);
  CHECK(test::distance(resumed[0], whole[0]) < 1e-5);
}

TEST_CASE("8-bit moments are divided in whole blocks, so that a checkpoint has the same ones for any number of ranks") {
  TemporaryFolder const recording("recording"), run("run");
  test::record(recording.path, total, 4);
  AdamWOptions const adamw{.moments = MomentFormat::Block8};
  for (auto const dtype : {Dtype::F32, Dtype::BF16}) {
    CausalLmOptions const model{.dtype = dtype, .threads = 1};
    CheckpointOptions const options{.folder = run.path, .every = 2};
    auto const whole = on(4, recording.path, {}, total, &options, Zero::Gradients, model, adamw);
    auto const from = run.path / "checkpoint-4";
    auto const resumed = on(4, recording.path, from, 2, nullptr, Zero::Optimizer, model, adamw);
    for (auto const& rank : resumed) CHECK(rank == whole[0]);
    CHECK(on(4, recording.path, from, 2, nullptr, Zero::Nothing, model, adamw)[0] == whole[0]);
    // No step: what another number of ranks loads and writes again.
    auto const states = [&](std::size_t ranks, Zero level) {
      std::vector<std::vector<std::uint8_t>> codes;
      auto const errors = test::on_ranks(ranks, 60s, [&](ProcessGroup& group) {
        Trainer trainer(GrpoTokenMean{}, tiny::policy(model), Replay(recording.path, {group.rank(), group.size()}),
                        test::Recorded{},
                        {.schedule = {.peak = 1e-3},
                         .adamw = adamw,
                         .old_log_probs = OldLogProbs::Current,
                         .sharding = {.level = level, .bucket = 1000},
                         .ratio_check = {.max_difference = HUGE_VAL}},
                        TokenBudget{20}, group);
        resume(trainer, from);
        if (group.rank() != 0) return;
        for (auto const& state : trainer.optimizer().adamw().states())
          if (auto const* m = std::get_if<AdamW::QuantizedMoments<float>>(&state)) codes.push_back(m->first.codes);
      });
      REQUIRE(test::all_went_well(errors));
      return codes;
    };
    auto const all = states(1, Zero::Nothing), half = states(2, Zero::Optimizer);
    REQUIRE(all.size() == 1);
    REQUIRE_FALSE(half.empty());
    CHECK(half[0].size() % quantized_block == 0);
    CHECK(std::equal(half[0].begin(), half[0].end(), all[0].begin()));
    double const tolerance = dtype == Dtype::F32 ? 1e-4 : 1e-2;
    CHECK(test::distance(on(2, recording.path, from, 2, nullptr, Zero::Optimizer, model, adamw)[0], whole[0]) <
          tolerance);
    CHECK(test::distance(on(1, recording.path, from, 2, nullptr, Zero::Nothing, model, adamw)[0], whole[0]) <
          tolerance);
    fs::remove_all(run.path);
  }
}

TEST_CASE("a checkpoint with full moments does not go on with 8-bit ones") {
  TemporaryFolder const recording("recording"), run("run");
  test::record(recording.path, total, 4);
  CheckpointOptions const options{.folder = run.path, .every = 2};
  on(2, recording.path, {}, total, &options, Zero::Optimizer, {.threads = 1});
  auto const errors = test::on_ranks(2, 20s, [&](ProcessGroup& group) {
    go_on(recording.path, run.path / "checkpoint-2", 2, nullptr, Zero::Optimizer, {.threads = 1},
          {.moments = MomentFormat::Block8}, group);
  });
  CHECK(errors[0].find("optim is 'adamw_8bit'; expected 'adamw_torch', as in the checkpoint") != std::string::npos);
}

TEST_CASE("a divided checkpoint without one of its files is refused") {
  TemporaryFolder const recording("recording"), run("run");
  test::record(recording.path, total, 4);
  CheckpointOptions const options{.folder = run.path, .every = 2};
  CausalLmOptions const model{.threads = 1};
  on(2, recording.path, {}, total, &options, Zero::Gradients, model);
  auto const checkpoint = run.path / "checkpoint-4";
  fs::remove(checkpoint / "optimizer-00001-of-00002.safetensors");
  try {
    read_checkpoint_state(checkpoint);
    FAIL("read");
  } catch (Error const& e) {
    CHECK(std::string(e.what()).find("optimizer-00001-of-00002.safetensors") != std::string::npos);
  }
}

TEST_CASE("where one rank cannot write its part, all stop and the older checkpoint stays") {
  TemporaryFolder const recording("recording"), run("run");
  test::record(recording.path, total, 4);
  auto const errors = test::on_ranks(2, 20s, [&](ProcessGroup& group) {
    CheckpointOptions options{.folder = run.path, .every = 2};
    Trainer trainer(
        GrpoTokenMean{}, tiny::policy(), Replay(recording.path, {group.rank(), group.size()}), test::Recorded{},
        {.schedule = {.peak = 1e-3}, .old_log_probs = OldLogProbs::Current, .sharding = {.level = Zero::Optimizer}},
        TokenBudget{20}, group);
    // A folder stands where rank 0's file belongs: only that rank's write fails.
    options.beside = [](fs::path const& folder) {
      if (folder.filename().string().find("checkpoint-4") != std::string::npos)
        fs::create_directories(folder / "state.json" / "x");
    };
    Checkpoint checkpoint(options);
    trainer.run(total, checkpoint);
  });
  for (auto const& error : errors) {
    INFO(error);
    CHECK(error.find("checkpoint of step 4: not written: rank 0: ") == 0);
    CHECK(error.find("state.json") != std::string::npos);
  }
  auto const found = checkpoints_in(run.path);
  REQUIRE(found.size() == 1);
  CHECK(found[0].step == 2);
}

TEST_CASE("where another rank than 0 cannot write its part, all name it and its cause") {
  for (bool const asynchronous : {true, false}) {
    TemporaryFolder const recording("recording"), run("run");
    test::record(recording.path, total, 4);
    auto const errors = test::on_ranks(2, 20s, [&](ProcessGroup& group) {
      Trainer trainer(
          GrpoTokenMean{}, tiny::policy(), Replay(recording.path, {group.rank(), group.size()}), test::Recorded{},
          {.schedule = {.peak = 1e-3}, .old_log_probs = OldLogProbs::Current, .sharding = {.level = Zero::Optimizer}},
          TokenBudget{20}, Obstructed(group, run.path));
      trainer.run(total, Checkpoint({.folder = run.path, .every = 2, .asynchronous = asynchronous}));
    });
    for (auto const& error : errors) {
      INFO(error);
      CHECK(error.find("checkpoint of step 4: not written: rank 1: ") == 0);
      CHECK(error.find("optimizer-00001-of-00002.safetensors") != std::string::npos);
      CHECK(error.find("rank 0") == std::string::npos);
    }
    CHECK(errors[0] == errors[1]);
    auto const found = checkpoints_in(run.path);
    REQUIRE(found.size() == 1);
    CHECK(found[0].step == 2);
    CHECK(std::distance(fs::directory_iterator(run.path), fs::directory_iterator()) == 1);  // the draft is gone
  }
}

TEST_CASE("where rank 0 writes for all and cannot, all know why, whether the folder or a file is at fault") {
  TemporaryFolder const recording("recording"), run("run");
  test::record(recording.path, total, 4);
  auto const with = [&](fs::path const& folder, Zero level) {
    return test::on_ranks(2, 20s, [&](ProcessGroup& group) {
      Trainer trainer(GrpoTokenMean{}, tiny::policy(), Replay(recording.path, {group.rank(), group.size()}),
                      test::Recorded{},
                      {.schedule = {.peak = 1e-3}, .old_log_probs = OldLogProbs::Current, .sharding = {.level = level}},
                      TokenBudget{20}, group);
      trainer.run(total, Checkpoint({.folder = folder, .every = 2}));
    });
  };
  fs::create_directories(run.path);
  io::write_file(run.path / "file", "no folder");
  for (auto const level : {Zero::Nothing, Zero::Optimizer}) {
    auto const errors = with(run.path / "file" / "run", level);
    for (auto const& error : errors) {
      INFO(error);
      CHECK(error.find("checkpoint of step 2: not written: rank 0: ") == 0);
      CHECK(error.find("file/run") != std::string::npos);
    }
  }
}
