// SPDX-License-Identifier: Apache-2.0
// A trainer that goes on from a checkpoint does what it would have done, bit for bit: environments in the middle of
// their episodes, normalisers, moments, coefficients that adapt.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/checkpoint/checkpoint.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/error.hpp"
#include "grove/reward/environment.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;

namespace {

auto trainer_with(TrainOptions options = {.schedule = {.peak = 1e-3}, .epochs = 2, .minibatches = 3, .seed = 5}) {
  Ppo ppo;
  return Trainer(
      ppo, control::ActorCriticFor<control::CartPole>(),
      control::VectorEnv<control::CartPole>(
          {.environments = 3, .steps = 17, .seed = 5, .normalize_observations = true, .normalize_rewards = true}),
      EnvironmentReward{}, std::move(options), TokenBudget{});
}

template <class T>
std::vector<float> values_of(T& trainer) {
  std::vector<float> values;
  for (auto const& p : trainer.policy().parameters()) {
    auto const* first = static_cast<float const*>(p.value);
    values.insert(values.end(), first, first + p.size);
  }
  return values;
}

}  // namespace

TEST_CASE("control goes on bit for bit in the middle of its episodes") {
  TemporaryFolder const folder("resume");
  for (bool const asynchronous : {true, false}) {
    auto whole = trainer_with();
    whole.run(7, Checkpoint({.folder = folder.path, .every = 3, .asynchronous = asynchronous}));
    CHECK(checkpoints_in(folder.path).size() == 3);  // 3, 6 and the end
    auto resumed = trainer_with();
    resume(resumed, folder.path / "checkpoint-3");
    CHECK(resumed.steps() == 3);
    std::vector<double> rewards;
    resumed.run(4, [&](auto&, StepReport const& report) {
      if (auto const reward = report.metrics.find("rollout/ep_rew_mean")) rewards.push_back(*reward);
    });
    auto const a = values_of(whole), b = values_of(resumed);
    REQUIRE(a.size() == b.size());
    CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
    CHECK(whole.rollout().observation_normalizer().mean() == resumed.rollout().observation_normalizer().mean());
    CHECK(whole.rollout().episodes() == resumed.rollout().episodes());
    CHECK_FALSE(rewards.empty());
    std::filesystem::remove_all(folder.path);
  }
}

TEST_CASE("8-bit moments go on bit for bit") {
  TemporaryFolder const folder("quantized");
  TrainOptions const options{
      .schedule = {.peak = 1e-3}, .adamw = {.moments = MomentFormat::Block8}, .epochs = 2, .minibatches = 3, .seed = 5};
  auto whole = trainer_with(options);
  whole.run(5, Checkpoint({.folder = folder.path, .every = 3}));
  auto const quantized = [](auto const& state) {
    return std::holds_alternative<AdamW::QuantizedMoments<float>>(state);
  };
  CHECK(std::ranges::any_of(whole.optimizer().states(), quantized));
  CHECK_FALSE(std::ranges::all_of(whole.optimizer().states(), quantized));
  auto resumed = trainer_with(options);
  resume(resumed, folder.path / "checkpoint-3");
  resumed.run(2);
  auto const a = values_of(whole), b = values_of(resumed);
  REQUIRE(a.size() == b.size());
  CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

TEST_CASE("a wish to stop writes a checkpoint and ends the run") {
  TemporaryFolder const folder("stop");
  auto trainer = trainer_with();
  int asked = 0;
  trainer.run(9, Checkpoint({.folder = folder.path, .every = 0, .stop = [&] { return ++asked == 2; }}));
  CHECK(trainer.steps() == 2);
  REQUIRE(checkpoints_in(folder.path).size() == 1);
  CHECK(checkpoints_in(folder.path)[0].step == 2);
}

TEST_CASE("a trainer with another setting does not resume") {
  TemporaryFolder const folder("settings");
  auto trainer = trainer_with();
  trainer.run(1, Checkpoint({.folder = folder.path}));
  auto other = trainer_with({.schedule = {.peak = 2e-3}, .epochs = 2, .minibatches = 3, .seed = 5});
  std::string message;
  try {
    resume(other, folder.path / "checkpoint-1");
  } catch (Error const& e) {
    message = e.what();
  }
  CHECK(message.find("learning_rate is '0.002'; expected '0.001'") != std::string::npos);
  std::vector<std::string> const allowed = {"learning_rate"};
  CHECK_NOTHROW(resume(other, folder.path / "checkpoint-1", {}, allowed));
}

TEST_CASE("a write that fails is told and leaves what was there") {
  TemporaryFolder const folder("unwritable");
  auto trainer = trainer_with();
  trainer.run(1, Checkpoint({.folder = folder.path}));
  auto const fails = [](std::filesystem::path const&) { throw Error("disk", "is full"); };
  CHECK_THROWS_AS(trainer.run(1, Checkpoint({.folder = folder.path, .beside = fails})), Error);
  REQUIRE(checkpoints_in(folder.path).size() == 1);
  auto other = trainer_with();
  CHECK_NOTHROW(resume(other, folder.path / "checkpoint-1"));
}
