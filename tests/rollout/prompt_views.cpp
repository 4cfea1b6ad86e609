// SPDX-License-Identifier: Apache-2.0
// Two views of a prompt: the sampler's with a second BOS, the trainer's cut to its end; and the check that goes by the
// sampler's own view.
#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/rollout/any_token_rollout.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "support/catch.hpp"
#include "support/tiny_language_model.hpp"

namespace {

/// The tiny model's tokenizer as one that puts a BOS before a text.
grove::PromptFormat with_bos() {
  auto const folder = tiny::tokenizer_folder();
  auto const read = [&](char const* name) { return grove::io::read_json_file((folder / name).string()); };
  auto json = read("tokenizer.json"), config = read("tokenizer_config.json");
  json["post_processor"] = nullptr;
  config["bos_token"] = "<|endoftext|>";
  config["add_bos_token"] = true;
  return {grove::text::Tokenizer::from_json(json.dump(), config.dump()), std::nullopt};
}

grove::GroupSampler sampler(grove::PromptViews views) {
  return {tiny::problem, with_bos(), {.problems = 3, .group = 2, .max_tokens = 6, .views = views}};
}

}  // namespace

TEST_CASE("the sampler's prompt has a second BOS and is whole, the trainer's has one and is cut left") {
  auto policy = tiny::policy();
  auto const plain = sampler({}).collect(policy);
  auto const t = sampler({.second_bos = true, .train_tokens = 2}).collect(policy);
  auto const bos = *with_bos().tokenizer().bos();
  for (std::size_t i = 0; i < t.samples.size(); ++i) {
    auto const& one = plain.samples[i].prompt;
    REQUIRE(one.size() > 2);
    CHECK(plain.samples[i].context() == one);
    std::vector<grove::TokenId> twice = {bos};
    twice.insert(twice.end(), one.begin(), one.end());
    CHECK(t.samples[i].prompt == twice);
    CHECK(t.samples[i].context() == std::vector<grove::TokenId>(one.end() - 2, one.end()));
  }
}

TEST_CASE("a prompt within the limit is the same for both") {
  auto policy = tiny::policy();
  auto const t = sampler({.train_tokens = 500}).collect(policy);
  for (auto const& sample : t.samples) CHECK(sample.train_prompt.empty());
}

TEST_CASE("a second BOS from a tokenizer that adds none is refused") {
  REQUIRE_THROWS_AS(tiny::sampler({.problems = 1, .group = 2, .views = {.second_bos = true}}), grove::Error);
}

TEST_CASE("with two views the check goes by the sampler's") {
  auto const rollout = [](float checked_temperature) {
    grove::GroupSampler inner(
        tiny::problem, with_bos(),
        {.problems = 3, .group = 2, .sampling = {.temperature = 0.7}, .max_tokens = 6, .views = {.second_bos = true}});
    grove::AnyTokenRollout any(std::move(inner));
    any.check_by({grove::RatioCheck{}, checked_temperature});
    return any;
  };
  auto policy = tiny::policy();
  auto healthy = rollout(0.7F);
  grove::Metrics metrics;
  CHECK_NOTHROW(healthy.collect(policy));
  healthy.report(metrics);
  CHECK(metrics.find("sampling/as_sampled_logp_difference/max").value() < 1e-5);
  auto wrong = rollout(1.0F);
  REQUIRE_THROWS_AS(wrong.collect(policy), grove::RatioAlarm);

  // A trainer that is not told of the second view alarms.
  grove::Trainer told(grove::Grpo{}, tiny::policy(), rollout(0.7F), tiny::EvenTokens{},
                      {.old_log_probs = grove::OldLogProbs::Recomputed, .ratio_check = {.max_difference = HUGE_VAL}});
  CHECK_NOTHROW(told.step());
  CHECK(told.last().trajectories.samples[0].prompt != told.last().trajectories.samples[0].context());
  grove::Trainer untold(grove::Grpo{}, tiny::policy(), rollout(0.7F), tiny::EvenTokens{});
  REQUIRE_THROWS_AS(untold.step(), grove::RatioAlarm);
}
