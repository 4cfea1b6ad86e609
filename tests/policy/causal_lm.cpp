// SPDX-License-Identifier: Apache-2.0
#include "grove/policy/causal_lm.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "support/catch.hpp"
#include "support/columns.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

using grove::test::all_sequences;
std::vector<float> scored(grove::AnyCausalLm const& policy, grove::TokenTrajectories const& t) {
  std::vector<float> log_probs(t.episodes.tokens());
  policy.score(t, all_sequences(t), grove::Column::LogProb, {.log_prob = log_probs});
  return log_probs;
}

std::vector<float> gradient(grove::AnyCausalLm& policy) {
  std::vector<float> values;
  for (auto const& p : policy.parameters()) {
    auto const* g = static_cast<float const*>(p.gradient);
    values.insert(values.end(), g, g + p.size);
  }
  return values;
}

grove::CausalLmOptions with(std::size_t threads, float temperature, grove::Dtype dtype = grove::Dtype::F32) {
  return {.dtype = dtype, .threads = threads, .temperature = temperature};
}

}  // namespace

TEST_CASE("the sampler's log-probs are the scorer's, bit for bit, in both precisions and at any temperature") {
  for (auto dtype : {grove::Dtype::F32, grove::Dtype::BF16})
    for (float temperature : {1.0f, 0.7f}) {
      auto policy = tiny::policy(with(1, temperature, dtype));
      auto const t =
          tiny::sampler({.problems = 5, .group = 3, .sampling = {.temperature = temperature}, .max_tokens = 20})
              .collect(policy);
      auto const sampled = t.rollout_log_probs();
      REQUIRE(t.episodes.tokens() > 50);
      REQUIRE(scored(policy, t) == std::vector<float>(sampled.begin(), sampled.end()));
    }
}

TEST_CASE("forward passes of any size score the same bits") {
  auto policy = tiny::policy();
  auto const t = tiny::sampler({.problems = 6, .group = 3, .max_tokens = 20}).collect(policy);
  auto small = tiny::policy({.threads = 2, .forward_tokens = 16});
  REQUIRE(scored(small, t) == scored(policy, t));
}

TEST_CASE("a training forward sees the scorer's log-probs and its gradient does not depend on the threads") {
  std::vector<std::vector<float>> gradients;
  for (std::size_t threads : {1, 2}) {
    auto policy = tiny::policy(with(threads, 1));
    auto const t = tiny::sampler().collect(policy);
    auto const expected = scored(policy, t);
    grove::zero_gradients(policy.parameters());
    policy.accumulate(t, all_sequences(t), {grove::Column::LogProb, grove::Column::Entropy}, grove::Scope::Token,
                      [&](std::size_t first, grove::TokenOutputs<float> out, grove::TokenGradients<float> d) {
                        for (std::size_t i = 0; i < out.log_prob.size(); ++i) {
                          REQUIRE(out.log_prob[i] == expected[first + i]);
                          d.log_prob[i] = 0.1f;
                        }
                      });
    gradients.push_back(gradient(policy));
  }
  REQUIRE(gradients[0] == gradients[1]);
  REQUIRE(std::abs(std::accumulate(gradients[0].begin(), gradients[0].end(), 0.0)) > 1e-6);
}

TEST_CASE("layers computed again on the way back, and logits in pieces, give the same gradients to the bit") {
  for (auto dtype : {grove::Dtype::F32, grove::Dtype::BF16}) {
    auto const options = with(2, 0.9f, dtype);
    auto plain = tiny::policy(options);
    auto const t = tiny::sampler({.problems = 4, .group = 4, .max_tokens = 20}).collect(plain);
    REQUIRE(t.episodes.tokens() > 100);
    std::vector<std::size_t> calls;
    auto const gradient_with = [&](bool checkpointing, std::size_t rows, grove::Scope scope) {
      auto changed = options;
      changed.gradient_checkpointing = checkpointing;
      changed.logits = rows * tiny::config().vocab_size;
      auto policy = tiny::policy(changed);
      std::size_t next = 0;
      calls.push_back(0);
      policy.accumulate(t, all_sequences(t), {grove::Column::LogProb, grove::Column::Entropy}, scope,
                        [&](std::size_t first, grove::TokenOutputs<float> out, grove::TokenGradients<float> d) {
                          REQUIRE(first == next);
                          next += out.log_prob.size();
                          ++calls.back();
                          for (std::size_t i = 0; i < out.log_prob.size(); ++i) {
                            d.log_prob[i] = std::sin(static_cast<float>(first + i));
                            d.entropy[i] = 0.1f * std::cos(static_cast<float>(first + i));
                          }
                        });
      REQUIRE(next == t.episodes.tokens());
      return gradient(policy);
    };
    auto const expected = gradient_with(false, 4096, grove::Scope::Token);
    CHECK(gradient_with(true, 4096, grove::Scope::Token) == expected);
    CHECK(gradient_with(false, 64, grove::Scope::Token) == expected);
    CHECK(gradient_with(true, 64, grove::Scope::Token) == expected);
    CHECK(gradient_with(true, 64, grove::Scope::Sequence) == expected);
    std::size_t const pieces = (t.episodes.tokens() + 63) / 64;
    CHECK(calls == std::vector<std::size_t>{1, 1, pieces, pieces, 1});
  }
}

namespace {

/// Fills in derivatives, and keeps the gradients of all parameters that it is told are complete.
struct Follower {
  std::vector<grove::ParameterView> const& parameters;
  std::vector<std::size_t>& told;
  std::vector<std::vector<float>>& complete_then;  // a parameter's gradient as it was told of; empty: not yet

  void operator()(std::size_t first, grove::TokenOutputs<float> out, grove::TokenGradients<float> d) const {
    for (std::size_t i = 0; i < out.log_prob.size(); ++i) d.log_prob[i] = std::sin(static_cast<float>(first + i));
  }
  void complete(std::size_t parameter) const {
    told.push_back(parameter);
    for (std::size_t p = parameter; p < parameters.size(); ++p)
      if (complete_then[p].empty()) complete_then[p] = gradient(p);
  }
  std::vector<float> gradient(std::size_t p) const {
    auto const* const from = static_cast<float const*>(parameters[p].gradient);
    return {from, from + parameters[p].size};
  }
};

}  // namespace

TEST_CASE("who follows the backward pass is told of each layer's gradients when nothing more is added to them") {
  for (bool checkpointing : {false, true}) {
    auto options = with(2, 1);
    options.gradient_checkpointing = checkpointing;
    auto policy = tiny::policy(options);
    auto const t = tiny::sampler().collect(policy);
    auto const parameters = policy.parameters();
    grove::zero_gradients(parameters);
    std::vector<std::size_t> told;
    std::vector<std::vector<float>> complete_then(parameters.size());
    Follower const follower{parameters, told, complete_then};
    policy.accumulate(t, all_sequences(t), grove::Column::LogProb, grove::Scope::Token, follower);
    CHECK(told.size() == tiny::config().layers);
    CHECK(std::ranges::is_sorted(told, std::greater<>()));
    CHECK(parameters[told.back()].name == "model.layers.0.input_layernorm.weight");
    for (std::size_t p = told.back(); p < parameters.size(); ++p) CHECK(complete_then[p] == follower.gradient(p));
    CHECK(complete_then[0].empty());
  }
}

TEST_CASE("commit moves the version on and the next score sees the new weights") {
  auto policy = tiny::policy();
  auto const t = tiny::sampler().collect(policy);
  auto const before = scored(policy, t);
  auto const parameters = policy.parameters();
  static_cast<float*>(parameters[0].value)[3] += 0.5f;
  REQUIRE(policy.version() == 0);
  policy.commit();
  REQUIRE(policy.version() == 1);
  REQUIRE(scored(policy, t) != before);
}

TEST_CASE("a clone is frozen: training the original leaves it as it was") {
  auto policy = tiny::policy();
  auto const copy = policy.clone();
  auto const t = tiny::sampler().collect(policy);
  auto const before = scored(copy, t);
  static_cast<float*>(policy.parameters()[0].value)[3] += 0.5f;
  policy.commit();
  REQUIRE(scored(copy, t) == before);
  REQUIRE(scored(policy, t) != before);
}

TEST_CASE("a clone, whose weights were packed for scoring only, can be trained all the same") {
  std::vector<std::vector<float>> gradients;
  auto policy = tiny::policy();
  auto copy = policy.clone();
  auto const t = tiny::sampler().collect(policy);
  for (auto* p : {&policy, &copy}) {
    p->accumulate(t, all_sequences(t), grove::Column::LogProb, grove::Scope::Token,
                  [](std::size_t, grove::TokenOutputs<float>, grove::TokenGradients<float> d) {
                    std::ranges::fill(d.log_prob, 0.1f);
                  });
    gradients.push_back(gradient(*p));
  }
  REQUIRE(gradients[0] == gradients[1]);
}

TEST_CASE("parameters have Hugging Face names, and biases and norms do not decay") {
  auto policy = tiny::policy();
  bool found = false;
  for (auto const& p : policy.parameters()) {
    if (p.name == "model.layers.1.self_attn.q_proj.bias") {
      found = true;
      REQUIRE_FALSE(p.decay);
    }
    if (p.name == "model.layers.0.mlp.down_proj.weight") REQUIRE(p.decay);
  }
  REQUIRE(found);
}

TEST_CASE("a saved model loads again with the same log-probs") {
  auto policy = tiny::policy();
  auto const t = tiny::sampler().collect(policy);
  TemporaryFolder const folder("causal-lm");
  policy.save(folder.path);
  auto const again = grove::AnyCausalLm::load(folder.path, {.threads = 1});
  REQUIRE(scored(again, t) == scored(policy, t));
}

TEST_CASE("weights read out of bfloat16 files are those in memory, to the bit, for scoring and for training") {
  auto policy = tiny::policy(with(1, 1, grove::Dtype::BF16));
  auto const t = tiny::sampler().collect(policy);
  TemporaryFolder const folder("causal-lm-bf16");
  policy.save(folder.path);
  for (auto dtype : {grove::Dtype::F32, grove::Dtype::BF16}) {
    auto again = grove::AnyCausalLm::load(folder.path, with(2, 1, dtype));
    REQUIRE(again.fingerprint() == policy.fingerprint());
    REQUIRE(scored(again, t) == scored(policy, t));
    REQUIRE(scored(again.clone(), t) == scored(policy, t));
    std::vector<std::vector<float>> gradients;
    for (auto* p : {&policy, &again}) {
      grove::zero_gradients(p->parameters());
      p->accumulate(t, all_sequences(t), grove::Column::LogProb, grove::Scope::Token,
                    [](std::size_t, grove::TokenOutputs<float>, grove::TokenGradients<float> d) {
                      std::ranges::fill(d.log_prob, 0.1f);
                    });
      gradients.push_back(gradient(*p));
    }
    REQUIRE(gradients[0] == gradients[1]);
    std::filesystem::remove_all(folder.path);  // the files stay mapped
    grove::set_value(again.parameters()[0], 3, 0.75);
    again.commit();
    REQUIRE(again.fingerprint() != policy.fingerprint());
    policy.save(folder.path);
  }
}

TEST_CASE("an empty prompt is an error") {
  auto policy = tiny::policy();
  grove::TokenTrajectories t;
  grove::TokenSample sample;
  sample.completion = {.tokens = {1}, .log_probs = {0}, .versions = {0}};
  t.problems.emplace_back();
  t.add(sample, 0);
  REQUIRE_THROWS_AS(scored(policy, t), grove::Error);
}
