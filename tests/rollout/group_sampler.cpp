// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/group_sampler.hpp"

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/text/tokenizer.hpp"
#include "support/catch.hpp"
#include "support/tiny_language_model.hpp"

namespace {

/// Collects with `inner`, then lets `f` spoil the batch.
template <class F>
struct Spoilt {
  grove::GroupSampler inner;
  F f;
  grove::TokenTrajectories collect(grove::AnyCausalLm& policy) {
    auto const healthy = inner.collect(policy);
    grove::TokenTrajectories t;
    t.problems = healthy.problems;
    for (std::size_t i = 0; i < healthy.samples.size(); ++i) {
      auto sample = healthy.samples[i];
      f(sample);
      t.add(std::move(sample), healthy.episodes.group[i]);
    }
    return t;
  }
};

template <class X>
auto trainer_with(X rollout, grove::AnyCausalLm policy, grove::TrainOptions options = {.schedule = {.peak = 1e-3}}) {
  return grove::Trainer(grove::Grpo{}, std::move(policy), std::move(rollout), tiny::EvenTokens{}, options);
}

template <class F>
void rings(F f) {
  auto trainer = trainer_with(Spoilt<F>{tiny::sampler(), f}, tiny::policy());
  REQUIRE_THROWS_AS(trainer.step(), grove::RatioAlarm);
  REQUIRE(trainer.optimizer().steps() == 0);
}

std::vector<std::vector<grove::TokenId>> tokens_of(grove::TokenTrajectories const& t) {
  std::vector<std::vector<grove::TokenId>> tokens;
  for (auto const& sample : t.samples) tokens.push_back(sample.completion.tokens);
  return tokens;
}

}  // namespace

TEST_CASE("groups share a prompt and are told apart by their samples") {
  auto policy = tiny::policy();
  auto sampler = tiny::sampler();
  auto const t = sampler.collect(policy);
  REQUIRE(t.samples.size() == 16);
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(t.episodes.group[i] == i / 4);
    CHECK(t.samples[i].index == i % 4);
    CHECK(t.samples[i].prompt == t.samples[i / 4 * 4].prompt);
    CHECK(t.samples[i].id == i / 4);
  }
  REQUIRE(tokens_of(t)[0] != tokens_of(t)[1]);
  auto const next = sampler.collect(policy);
  REQUIRE(next.samples[0].id == 4);
  REQUIRE(tokens_of(next) != tokens_of(t));
}

TEST_CASE("a collection depends on seed and place only") {
  auto policy = tiny::policy();
  auto first = tiny::sampler();
  first.collect(policy);
  auto resumed = tiny::sampler();
  resumed.set_collections(1);
  auto two_threads = tiny::policy({.threads = 2});
  REQUIRE(tokens_of(first.collect(policy)) == tokens_of(resumed.collect(two_threads)));
}

TEST_CASE("a prompt that is too long is an error that names the problem") {
  auto policy = tiny::policy();
  auto sampler = tiny::sampler({.problems = 1, .group = 2, .max_tokens = 4, .max_prompt_tokens = 2});
  REQUIRE_THROWS_AS(sampler.collect(policy), grove::Error);
}

TEST_CASE("the ratio-one alarm rings for each of these in its step") {
  SECTION("temperature on the sampler's side only") {
    auto trainer = trainer_with(
        tiny::sampler({.problems = 4, .group = 4, .sampling = {.temperature = 0.7}, .max_tokens = 12}), tiny::policy());
    REQUIRE_THROWS_AS(trainer.step(), grove::RatioAlarm);
  }
  SECTION("temperature on the trainer's side only") {
    auto trainer = trainer_with(tiny::sampler(), tiny::policy({.threads = 1, .temperature = 0.7f}));
    REQUIRE_THROWS_AS(trainer.step(), grove::RatioAlarm);
  }
  SECTION("log-probs that belong to the token before") {
    rings(
        [](grove::TokenSample& s) { std::ranges::rotate(s.completion.log_probs, s.completion.log_probs.begin() + 1); });
  }
  SECTION("stale weights, by the version of each token") {
    rings([](grove::TokenSample& s) { s.completion.versions.back() += 1; });
  }
  SECTION("stale weights, by the log-probs after one update") {
    auto stale = tiny::policy();
    auto fresh = trainer_with(tiny::sampler(), tiny::policy());
    fresh.step();
    auto const t = tiny::sampler().collect(stale);
    auto const replay = [t](grove::AnyCausalLm& policy) {
      auto copy = t;
      grove::TokenTrajectories with_versions;
      with_versions.problems = copy.problems;
      for (std::size_t i = 0; i < copy.samples.size(); ++i) {
        auto sample = copy.samples[i];
        sample.completion.versions.assign(sample.completion.tokens.size(), policy.version());
        with_versions.add(std::move(sample), copy.episodes.group[i]);
      }
      return with_versions;
    };
    struct FromFunction {
      std::function<grove::TokenTrajectories(grove::AnyCausalLm&)> f;
      grove::TokenTrajectories collect(grove::AnyCausalLm& policy) { return f(policy); }
    };
    auto trainer = trainer_with(FromFunction{replay}, fresh.policy().clone());
    REQUIRE_THROWS_AS(trainer.step(), grove::RatioAlarm);
  }
  SECTION("another first token of the prompt, such as a wrong BOS") {
    rings([](grove::TokenSample& s) {
      s.train_prompt = s.prompt;
      s.train_prompt.front() = s.train_prompt.front() == 5 ? 6 : 5;
    });
  }
  SECTION("a second BOS") {
    rings([](grove::TokenSample& s) {
      s.train_prompt = s.prompt;
      s.train_prompt.insert(s.train_prompt.begin(), 7);
    });
  }
  SECTION("text that was tokenised again") {
    auto const format = tiny::format();
    std::size_t changed = 0;
    auto const retokenise = [&](grove::TokenSample& s) {
      auto const again = format.tokenizer().encode(format.tokenizer().decode(s.completion.tokens));
      changed += again != s.completion.tokens;
      s.completion.tokens = again;
      s.completion.log_probs.resize(again.size(), -1.0f);
      s.completion.versions.assign(again.size(), 0);
    };
    rings(retokenise);
    REQUIRE(changed > 0);
  }
}

TEST_CASE("healthy runs of 50 steps do not ring, in f32 and in bf16") {
  for (auto dtype : {grove::Dtype::F32, grove::Dtype::BF16}) {
    grove::TrainOptions options{.schedule = {.peak = 1e-4}};
    if (dtype == grove::Dtype::BF16) options.ratio_check = grove::bf16_ratio_check();
    auto trainer = trainer_with(tiny::sampler(), tiny::policy({.dtype = dtype, .threads = 1}), options);
    REQUIRE_NOTHROW(trainer.run(50));
  }
}

TEST_CASE("several updates a batch use the log-probs from before the first one") {
  auto trainer =
      trainer_with(tiny::sampler(), tiny::policy(), {.schedule = {.peak = 1e-3}, .epochs = 2, .minibatches = 2});
  auto const report = trainer.step();
  REQUIRE(report.updates == 4);
  REQUIRE(*report.metrics.find("sampling/sampling_logp_difference/max") == 0.0);
  REQUIRE(trainer.policy().version() == 4);
}
