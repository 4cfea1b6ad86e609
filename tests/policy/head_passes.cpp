// SPDX-License-Identifier: Apache-2.0
// How often an update computes logits: once a token where the objective is local to a token, which its type says, and
// twice where it needs the whole sequence first and the logits are too many to be kept.
#include <utility>

#include "grove/algorithms.hpp"
#include "grove/policy/causal_lm.hpp"
#include "support/catch.hpp"
#include "support/tiny_language_model.hpp"

namespace {

using Model = grove::CausalLm<grove::nn::cpu::Qwen2>;

/// The same completions whoever asks.
struct Recorded {
  grove::TokenTrajectories trajectories;
  grove::TokenTrajectories collect(Model&) const { return trajectories; }
};

Model model(std::size_t rows_of_logits) {
  grove::nn::cpu::Parameters parameters(tiny::config());
  parameters.initialise(5);
  return {std::move(parameters), {.threads = 1, .logits = rows_of_logits * tiny::config().vocab_size}};
}

/// Logits that the step of an update computes, by the tokens it is about.
template <class Algorithm>
double passes(Algorithm algorithm, std::size_t rows_of_logits) {
  auto sampler = grove::AnyCausalLm(model(rows_of_logits));
  auto const t = tiny::sampler({.problems = 4, .group = 4, .max_tokens = 20}).collect(sampler);
  REQUIRE(t.episodes.tokens() > 2 * 64);
  grove::Trainer trainer(std::move(algorithm), model(rows_of_logits), Recorded{t}, tiny::EvenTokens{},
                         {.schedule = {.peak = 1e-3}});
  trainer.step();
  return static_cast<double>(trainer.policy().engine().workspace().projected_rows()) /
         static_cast<double>(t.episodes.tokens());
}

}  // namespace

TEST_CASE("an objective that is local to a token takes one pass of the head, one of whole sequences two") {
  static_assert(decltype(grove::Grpo::objective)::scope == grove::Scope::Token);
  static_assert(decltype(grove::Gspo::objective)::scope == grove::Scope::Sequence);
  CHECK(passes(grove::Grpo{}, 64) == 1);
  CHECK(passes(grove::GrpoTokenMean{}, 64) == 1);
  CHECK(passes(grove::Gspo{}, 64) == 2);
  CHECK(passes(grove::Gspo{}, 4096) == 1);  // all logits are kept
}
