// SPDX-License-Identifier: Apache-2.0
// Weights of a reference that leave the device between the phases that score with them. The device is LibTorch's
// tensors on the CPU, whose bytes are counted apart from the host's copy.
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>
#include <vector>

#include "dist/replayed.hpp"
#include "grove/algorithms.hpp"
#include "grove/checkpoint/checkpoint.hpp"
#include "grove/policy/lora.hpp"
#include "grove/policy/separate_critic.hpp"
#include "grove/policy/value_head.hpp"
#include "grove/reference.hpp"
#include "grove/rollout/recording.hpp"
#include "grove/rollout/run_folder.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

using namespace grove;
namespace fs = std::filesystem;

namespace {

using OnTensors = CausalLm<nn::Qwen2, TorchEngine>;
static_assert(Offloadable<OnTensors> && Offloadable<AnyCausalLm> && Offloadable<WithValueHead<AnyCausalLm>>);
static_assert(Offloadable<SeparateCritic<AnyCausalLm>>);

OnTensors on_tensors(Dtype dtype) { return {tiny::parameters(), {.dtype = dtype, .threads = 1}}; }

std::size_t weight_bytes(OnTensors& policy) {
  std::size_t bytes = 0;
  for (auto const& p : policy.parameters()) bytes += p.size * value_bytes(p.dtype);
  return bytes;
}

TokenTrajectories completions() {
  auto policy = tiny::policy();
  return tiny::sampler().collect(policy);
}

template <class P>
std::vector<float> log_probs(P const& policy, TokenTrajectories const& t) {
  std::vector<std::uint32_t> all(t.episodes.sequences());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<float> values(t.episodes.tokens());
  policy.score(t, all, Column::LogProb, {.log_prob = values});
  return values;
}

std::vector<float> log_probs(Reference<OnTensors>& reference, OnTensors const& policy, TokenTrajectories const& t) {
  std::vector<std::uint32_t> all(t.episodes.sequences());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<float> values(t.episodes.tokens());
  reference.score(policy, t, all, values);
  return values;
}

struct Ended {
  std::vector<std::byte> values{};
  std::vector<double> kl{};
};

/// Steps of a recording with a reference that follows, from where a checkpoint stopped if there is one.
Ended train(fs::path const& recording, Dtype dtype, ReferenceSync const& sync, std::size_t steps,
            fs::path const& from = {}, fs::path const& to = {}) {
  Trainer trainer(Grpo{}, tiny::on_tensors(dtype), Replay(recording), test::Recorded{},
                  {.schedule = {.peak = 1e-3},
                   .old_log_probs = OldLogProbs::Current,
                   .reference = sync,
                   .ratio_check = {.max_difference = HUGE_VAL}});
  if (!from.empty()) resume(trainer, from);
  Ended ended;
  auto const note = [&](auto&, StepReport const& report) { ended.kl.push_back(*report.metrics.find("kl")); };
  if (to.empty())
    trainer.run(steps, note);
  else
    trainer.run(steps, note, Checkpoint({.folder = to, .every = steps}));
  for (auto const& p : trainer.policy().parameters()) {
    auto const values = host_values(p);
    ended.values.insert(ended.values.end(), values.bytes().begin(), values.bytes().end());
  }
  return ended;
}

}  // namespace

TEST_CASE("weights leave the device and come back as they were, or as they were changed meanwhile") {
  for (auto const dtype : {Dtype::F32, Dtype::BF16}) {
    auto policy = on_tensors(dtype);
    auto const t = completions();
    auto const bytes = weight_bytes(policy);
    auto const before = log_probs(policy, t);
    CHECK(policy.engine().device_bytes() > bytes);  // gradients, too, since `parameters` told of them
    for (int times = 0; times < 2; ++times) {
      policy.offload();
      policy.offload();
      CHECK(policy.engine().device_bytes() == 0);
      policy.onload();
      policy.onload();
      CHECK(policy.engine().device_bytes() == bytes);
      CHECK(log_probs(policy, t) == before);
    }
    set_value(policy.parameters()[0], 3, 5.0);
    policy.commit();
    auto const changed = log_probs(policy, t);
    CHECK(changed != before);
    policy.offload();
    CHECK(policy.engine().device_bytes() == 0);
    policy.onload();
    CHECK(log_probs(policy, t) == changed);
  }
}

TEST_CASE("an offloaded reference is on the device while it scores or follows, and no longer") {
  for (auto const dtype : {Dtype::F32, Dtype::BF16}) {
    auto policy = on_tensors(dtype);
    auto const t = completions();
    ReferenceSync const stays{.every = 1, .mixup = 0.25}, leaves{.every = 1, .mixup = 0.25, .offload = true};
    Reference<OnTensors> expected(policy, stays), reference(policy, leaves);
    auto const there = [](Reference<OnTensors> const& r) { return r.policy()->engine().device_bytes(); };
    CHECK(there(reference) == 0);
    CHECK(log_probs(reference, policy, t) == log_probs(expected, policy, t));
    CHECK(there(reference) == 0);
    CHECK(there(expected) > 0);
    for (std::uint64_t step = 1; step < 3; ++step) {
      auto const parameters = policy.parameters();
      for (auto const& p : parameters) set_value(p, step, 1.0);
      policy.commit();
      auto const before = log_probs(reference, policy, t);
      expected.follow(policy, step, stays);
      reference.follow(policy, step, leaves);
      CHECK(there(reference) == 0);
      CHECK(log_probs(reference, policy, t) == log_probs(expected, policy, t));
      CHECK(log_probs(reference, policy, t) != before);
      CHECK(there(reference) == 0);
    }
  }
}

TEST_CASE("a run with an offloaded reference is that without, bit for bit, also from a checkpoint of the other",
          "[slow]") {
  TemporaryFolder const folder("offload");
  auto const recording = folder.path / "recording";
  test::record(recording, 4, 2);
  for (auto const dtype : {Dtype::F32, Dtype::BF16}) {
    auto const name = dtype == Dtype::F32 ? std::string("f32") : std::string("bf16");
    ReferenceSync const stays{.every = 2}, leaves{.every = 2, .offload = true};
    auto const expected = train(recording, dtype, stays, 4), offloaded = train(recording, dtype, leaves, 4);
    CHECK(offloaded.values == expected.values);
    CHECK(offloaded.kl == expected.kl);
    CHECK(expected.kl.back() > 0);
    for (auto const& [first, second] : {std::pair(stays, leaves), std::pair(leaves, stays)}) {
      auto const at = folder.path / (name + (first.offload ? "-leaves" : "-stays"));
      train(recording, dtype, first, 2, {}, at);
      CHECK(train(recording, dtype, second, 2, at / "checkpoint-2").values == expected.values);
    }
  }
}

TEST_CASE("offloading does nothing to a policy whose weights are the host's, nor to one that knows its reference") {
  auto const kl = [](auto policy, bool offload) {
    Trainer trainer(Grpo{}, std::move(policy), tiny::sampler(), tiny::EvenTokens{},
                    {.schedule = {.peak = 1e-2}, .reference = {.offload = offload}});
    trainer.step();
    return *trainer.step().metrics.find("kl");
  };
  CHECK(kl(tiny::policy(), true) == kl(tiny::policy(), false));
  LoraOptions const options{.rank = 2, .targets = {"q_proj"}};
  auto const adapted = [&] { return Lora(tiny::policy(), options); };
  CHECK(kl(adapted(), true) == kl(adapted(), false));
  auto const with_critic = [] { return SeparateCritic(tiny::on_tensors()); };
  CHECK(kl(with_critic(), true) == kl(with_critic(), false));
}
