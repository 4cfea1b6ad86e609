// SPDX-License-Identifier: Apache-2.0
// The same policy on LibTorch tensors: what it samples, scores and learns, beside the own CPU engine.
#include "grove/policy/torch_engine.hpp"

#include <cmath>

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "support/catch.hpp"
#include "support/columns.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

using grove::test::all_sequences;
using grove::test::relative_error;
struct Columns {
  std::vector<float> log_prob, entropy, sum_squares;
};

Columns scored(grove::AnyCausalLm const& policy, grove::TokenTrajectories const& t) {
  auto const n = t.episodes.tokens();
  Columns c{std::vector<float>(n), std::vector<float>(n), std::vector<float>(n)};
  policy.score(t, all_sequences(t), {grove::Column::LogProb, grove::Column::Entropy, grove::Column::SumSquares},
               {.log_prob = c.log_prob, .entropy = c.entropy, .sum_squares = c.sum_squares});
  return c;
}

/// Two micro-batches, as a trainer goes through them.
std::vector<float> gradient(grove::AnyCausalLm& policy, grove::TokenTrajectories const& t) {
  for (auto const& p : policy.parameters()) std::fill_n(static_cast<float*>(p.gradient), p.size, 0.0F);
  auto const sequences = all_sequences(t);
  auto const half = sequences.size() / 2;
  for (auto part : {std::span(sequences).first(half), std::span(sequences).subspan(half)})
    policy.accumulate(t, part, {grove::Column::LogProb, grove::Column::Entropy}, grove::Scope::Token,
                      [&](std::size_t, grove::TokenOutputs<float> out, grove::TokenGradients<float> d) {
                        for (std::size_t i = 0; i < out.log_prob.size(); ++i) {
                          d.log_prob[i] = 0.1F * std::sin(static_cast<float>(i));
                          d.entropy[i] = 0.01F;
                        }
                      });
  std::vector<float> values;
  for (auto const& p : policy.parameters()) {
    auto const* g = static_cast<float const*>(p.gradient);
    values.insert(values.end(), g, g + p.size);
  }
  return values;
}

double largest_difference(std::span<float const> a, std::span<float const> b) {
  double most = a.size() == b.size() ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i]));
  return most;
}

}  // namespace

TEST_CASE("on tensors a policy samples, scores and differentiates as the CPU engine does") {
  auto own = tiny::policy();
  auto other = tiny::on_tensors();
  auto const want = tiny::sampler().collect(own);
  auto const got = tiny::sampler().collect(other);
  REQUIRE(got.samples.size() == want.samples.size());
  for (std::size_t s = 0; s < want.samples.size(); ++s)
    CHECK(got.samples[s].completion.tokens == want.samples[s].completion.tokens);
  CHECK(largest_difference(got.rollout_log_probs(), want.rollout_log_probs()) < 1e-5);
  auto const a = scored(other, want);
  auto const b = scored(own, want);
  CHECK(largest_difference(a.log_prob, b.log_prob) < 1e-5);
  CHECK(largest_difference(a.entropy, b.entropy) < 1e-5);
  CHECK(largest_difference(a.sum_squares, b.sum_squares) < 1e-5);
  CHECK(relative_error(gradient(other, want), gradient(own, want)) < 1e-5);
  std::vector<std::vector<grove::TokenId>> const sequences = {{1, 2, 3, 4}, {5}, {6, 7}};
  auto const p = other.log_probs(sequences, 0.8F);
  auto const q = own.log_probs(sequences, 0.8F);
  for (std::size_t i = 0; i < q.size(); ++i) CHECK(largest_difference(p[i], q[i]) < 1e-5);
}

TEST_CASE("on tensors commit moves weights and version on, a clone stays, and a saved model loads") {
  for (auto dtype : {grove::Dtype::F32, grove::Dtype::BF16}) {
    auto policy = tiny::on_tensors(dtype);
    auto const copy = policy.clone();
    auto const t = tiny::sampler().collect(policy);
    auto const before = scored(policy, t).log_prob;
    grove::set_value(policy.parameters()[0], 3, 5.0);
    policy.commit();
    CHECK(policy.version() == 1);
    CHECK(scored(policy, t).log_prob != before);
    CHECK(scored(copy, t).log_prob == before);
    TemporaryFolder const folder("torch-engine");
    copy.save(folder.path);
    auto const loaded = grove::AnyCausalLm::load(folder.path, {.threads = 1});
    CHECK(largest_difference(scored(loaded, t).log_prob, before) < (dtype == grove::Dtype::F32 ? 1e-5 : 0.2));
  }
}

TEST_CASE("a policy on tensors learns, and f32 never rings the ratio alarm") {
  grove::Trainer trainer(grove::Grpo{}, tiny::on_tensors(),
                         tiny::sampler({.problems = 4, .group = 8, .max_tokens = 12}), tiny::EvenTokens{},
                         grove::TrainOptions{.schedule = {.peak = 1e-2}});
  std::vector<double> rewards;
  for (int step = 0; step < 20; ++step) rewards.push_back(*trainer.step().metrics.find("reward"));
  double const before = std::accumulate(rewards.begin(), rewards.begin() + 3, 0.0) / 3;
  double const after = std::accumulate(rewards.end() - 3, rewards.end(), 0.0) / 3;
  INFO("mean reward " << before << ", after training " << after);
  CHECK(after > before + 3);
}

TEST_CASE("fifty healthy steps in bf16 arithmetic do not ring the ratio alarm") {
  grove::nn::cpu::Parameters parameters(tiny::config());
  parameters.initialise(6);
  for (float& x : parameters.values()) x = x == 1 ? 1 : 6 * x;  // norms stay; else rounding hardly shows
  grove::CausalLmOptions const options{.dtype = grove::Dtype::BF16, .threads = 1};
  grove::AnyCausalLm policy(grove::CausalLm<grove::nn::Qwen2, grove::TorchEngine>(std::move(parameters), options));
  grove::Trainer trainer(grove::Grpo{}, std::move(policy), tiny::sampler({.problems = 4, .group = 4, .max_tokens = 12}),
                         tiny::EvenTokens{},
                         grove::TrainOptions{.schedule = {.peak = 1e-4}, .ratio_check = grove::bf16_ratio_check()});
  for (int step = 0; step < 50; ++step) {
    auto const report = trainer.step();
    REQUIRE(report.updates == 1);
    REQUIRE(*report.metrics.find("sampling/sampling_logp_difference/mean") > 1e-4);
  }
}

TEST_CASE("a device that is not there is one clear error, before any file is read") {
  if (grove::nn::torch::cuda_devices().empty())
    REQUIRE_THROWS_AS(grove::AnyCausalLm::load("/nowhere", {.device = grove::Device::Cuda}), grove::Error);
}
