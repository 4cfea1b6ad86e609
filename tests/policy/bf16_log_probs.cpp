// SPDX-License-Identifier: Apache-2.0
// Log-probs with bf16 logits and results, as a head that computes in bf16 gives them.
#include <algorithm>
#include <cmath>
#include <vector>

#include "grove/io/bf16.hpp"
#include "grove/policy/causal_lm.hpp"
#include "support/catch.hpp"
#include "support/tiny_language_model.hpp"

namespace {

float in_bf16(float x) { return grove::io::bf16_to_f32(grove::io::f32_to_bf16(x)); }

grove::TokenTrajectories batch() {
  grove::TokenTrajectories t;
  t.problems.emplace_back();
  for (grove::TokenId first : {3, 40}) {
    grove::Completion completion{.tokens = {first, 9, 17, 5}, .log_probs = {0, 0, 0, 0}, .versions = {0, 0, 0, 0}};
    t.add({.prompt = {1, 2, 3}, .completion = std::move(completion)}, 0);
  }
  return t;
}

struct Scored {
  std::vector<float> scored{}, trained{};
};

Scored log_probs(grove::AnyCausalLm policy) {
  auto const t = batch();
  std::vector<std::uint32_t> const all = {0, 1};
  Scored found{.scored = std::vector<float>(t.episodes.tokens())};
  policy.score(t, all, grove::Column::LogProb, {.log_prob = found.scored});
  policy.accumulate(t, all, grove::Column::LogProb, grove::Scope::Token,
                    [&](std::size_t, grove::TokenOutputs<float> out, grove::TokenGradients<float> gradients) {
                      found.trained.assign(out.log_prob.begin(), out.log_prob.end());
                      std::ranges::fill(gradients.log_prob, 1.0F);
                    });
  return found;
}

}  // namespace

TEST_CASE("rounded log-probs are bf16 numbers near the exact ones, the same scored and trained") {
  auto const exact = log_probs(tiny::policy());
  auto const rounded = log_probs(tiny::policy({.threads = 1, .bf16_log_probs = true}));
  CHECK(exact.scored == exact.trained);
  CHECK(rounded.scored == rounded.trained);
  bool differs = false;
  for (std::size_t i = 0; i < exact.scored.size(); ++i) {
    CHECK(rounded.scored[i] == in_bf16(rounded.scored[i]));
    CHECK(std::abs(rounded.scored[i] - exact.scored[i]) < 0.02F * std::abs(exact.scored[i]) + 0.02F);
    differs |= rounded.scored[i] != in_bf16(exact.scored[i]);  // logits are rounded, too
  }
  CHECK(differs);
}

TEST_CASE("the reference of a policy with rounded log-probs rounds them, the sampler does not") {
  auto policy = tiny::policy({.threads = 1, .bf16_log_probs = true});
  CHECK(log_probs(policy.clone()).scored == log_probs(policy.clone()).trained);
  std::vector<std::vector<grove::TokenId>> const sequences = {{1, 2, 3, 3, 9, 17, 5}};
  CHECK(policy.log_probs(sequences, 1.0F) == tiny::policy().log_probs(sequences, 1.0F));
}
