// SPDX-License-Identifier: Apache-2.0
// Adapters on LibTorch's tensors, beside those of the CPU engine.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/policy/lora.hpp"
#include "support/catch.hpp"
#include "support/columns.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

using grove::Column;
using grove::test::all_sequences;
using grove::test::relative_error;
using Model = grove::Lora<grove::AnyCausalLm>;

/// B that says something, so that the adapters matter.
Model with_adapters(grove::AnyCausalLm base, std::vector<std::string> targets) {
  Model model(std::move(base), {.rank = 3, .alpha = 6, .targets = std::move(targets), .seed = 11});
  grove::RandomSequence random(grove::RandomStream({.seed = 8, .purpose = grove::Purpose::Initialization}));
  for (auto const& p : model.parameters())
    for (std::size_t i = 0; i < p.size && p.name.ends_with("lora_B.weight"); ++i)
      grove::set_value(p, i, 0.15 * random.normal());
  model.commit();
  return model;
}

struct Scores {
  std::vector<float> adapted, reference;
};

Scores scored(Model const& model, grove::TokenTrajectories const& t) {
  Scores scores{std::vector<float>(t.episodes.tokens()), std::vector<float>(t.episodes.tokens())};
  model.score(t, all_sequences(t), Column::LogProb, {.log_prob = scores.adapted});
  model.score_reference(t, all_sequences(t), Column::LogProb, {.log_prob = scores.reference});
  return scores;
}

/// Tells in which order parameters were done.
struct Consumer {
  std::vector<std::size_t>& done;
  void operator()(std::size_t first, grove::TokenOutputs<float>, grove::TokenGradients<float> d) const {
    for (std::size_t i = 0; i < d.log_prob.size(); ++i)
      d.log_prob[i] = 0.2F * std::sin(1.0F + static_cast<float>(first + i));
  }
  void complete(std::size_t parameter) const { done.push_back(parameter); }
};

/// Two micro-batches, as a trainer goes through them.
std::vector<float> gradient(Model& model, grove::TokenTrajectories const& t,
                            std::vector<std::size_t>* order = nullptr) {
  std::vector<std::size_t> done;
  grove::zero_gradients(model.parameters());
  auto const sequences = all_sequences(t);
  auto const half = sequences.size() / 2;
  model.accumulate(t, std::span(sequences).first(half), Column::LogProb, grove::Scope::Token, Consumer{done});
  model.accumulate(t, std::span(sequences).subspan(half), Column::LogProb, grove::Scope::Token, Consumer{done});
  std::vector<float> values;
  for (auto const& p : model.parameters()) {
    auto const* const g = static_cast<float const*>(p.gradient);
    values.insert(values.end(), g, g + p.size);
  }
  if (order != nullptr) *order = done;
  return values;
}

}  // namespace

TEST_CASE("adapters on tensors score, learn and sample as those of the CPU engine") {
  for (auto const& targets : {std::vector<std::string>{"all-linear"}, {"q_proj", "v_proj"}, {"k_proj", "down_proj"}}) {
    INFO(targets.front());
    auto own = with_adapters(tiny::policy(), targets);
    auto other = with_adapters(tiny::on_tensors(), targets);
    auto const t = tiny::sampler().collect(own);
    auto const want = scored(own, t), got = scored(other, t);
    CHECK(relative_error(got.adapted, want.adapted) < 1e-5);
    CHECK(relative_error(got.reference, want.reference) < 1e-5);
    REQUIRE(want.adapted.size() == want.reference.size());
    CHECK(relative_error(want.adapted, want.reference) > 1e-3);
    CHECK(relative_error(gradient(other, t), gradient(own, t)) < 1e-4);
    auto const sampled = tiny::sampler().collect(other);
    for (std::size_t s = 0; s < t.samples.size(); ++s)
      CHECK(sampled.samples[s].completion.tokens == t.samples[s].completion.tokens);
    CHECK(relative_error(sampled.rollout_log_probs(), scored(other, sampled).adapted) < 1e-5);
  }
}

TEST_CASE("adapters on tensors tell of whole gradients layer by layer, as those of the CPU engine") {
  auto own = with_adapters(tiny::policy(), {"all-linear"});
  auto other = with_adapters(tiny::on_tensors(), {"all-linear"});
  auto const t = tiny::sampler().collect(own);
  std::vector<std::size_t> want, got;
  gradient(own, t, &want);
  gradient(other, t, &got);
  CHECK(got == want);
  CHECK(got.size() == 4);  // two layers in each of two micro-batches
}

TEST_CASE("adapters in bf16 stay near those in f32, and sampler and scorer near each other") {
  auto f32 = with_adapters(tiny::on_tensors(), {"all-linear"});
  auto bf16 = with_adapters(tiny::on_tensors(grove::Dtype::BF16), {"all-linear"});
  auto const t = tiny::sampler().collect(bf16);
  CHECK(relative_error(scored(bf16, t).adapted, scored(f32, t).adapted) < 0.05);
  CHECK(relative_error(scored(bf16, t).adapted, t.rollout_log_probs()) < 0.02);
  CHECK(relative_error(gradient(bf16, t), gradient(f32, t)) < 0.1);
}

TEST_CASE("a run with adapters on tensors takes the steps of the CPU engine's, and leaves the weights alone") {
  auto const run = [](grove::AnyCausalLm base) {
    grove::GrpoTokenMean algorithm;
    algorithm.objective.get<grove::KlInLoss<grove::K3>>().coefficient = 0.1;
    Model model(std::move(base), {.rank = 3, .alpha = 6, .targets = {"all-linear"}, .seed = 11});
    auto const start = model.fingerprint();
    grove::Trainer trainer(algorithm, std::move(model), tiny::sampler(), tiny::EvenTokens{},
                           {.schedule = {.peak = 0.02, .decay = grove::Schedule::Decay::Constant}});
    std::vector<double> seen;
    for (int i = 0; i < 4; ++i) {
      auto const report = trainer.step();
      for (auto const* name : {"reward", "kl", "grad_norm"}) seen.push_back(report.metrics.find(name).value());
    }
    CHECK(trainer.policy().fingerprint() == start);
    TemporaryFolder const folder("lora-device");
    trainer.policy().save(folder.path);  // merged
    auto const merged = grove::AnyCausalLm::load(folder.path, {.threads = 1});
    auto const t = tiny::sampler().collect(trainer.policy());
    std::vector<float> log_prob(t.episodes.tokens());
    merged.score(t, all_sequences(t), Column::LogProb, {.log_prob = log_prob});
    CHECK(relative_error(log_prob, t.rollout_log_probs()) < 1e-4);
    return seen;
  };
  auto const want = run(tiny::policy()), got = run(tiny::on_tensors());
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(got[i] == Approx(want[i]).epsilon(2e-3).margin(1e-6));
}

TEST_CASE("a model on tensors that has adapters gives no gradients of its weights") {
  auto model = with_adapters(tiny::on_tensors(), {"q_proj"});
  auto const t = tiny::sampler().collect(model);
  auto& base = static_cast<grove::AnyCausalLm&>(model);
  CHECK_THROWS_WITH(base.accumulate(t, all_sequences(t), Column::LogProb, grove::Scope::Token,
                                    [](std::size_t, grove::TokenOutputs<float>, grove::TokenGradients<float>) {}),
                    Catch::Matchers::Contains("gradients of weights that have adapters"));
}
