// SPDX-License-Identifier: Apache-2.0
// A trainer put together by hand: GRPO on the embedded model of examples/arithmetic, for a few steps.
#include <iostream>
#include <string>

#include "grove/algorithms.hpp"
#include "grove/observers.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/sum.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "grove/rollout/run_folder.hpp"

/// Problems by draw index; ShuffledProblems(data::load_problems("problems.jsonl"), seed) reads them from a file.
grove::Problem addition(std::uint64_t draw) {
  auto const left = 10 + 37 * draw % 90, right = 10 + 53 * draw % 89;
  return {.id = draw,
          .messages = {{"user", std::to_string(left) + "+" + std::to_string(right) + "="}},
          .gold = std::to_string(left + right)};
}

int main() {
  std::string const model = GROVE_EXAMPLE_DIR "/arithmetic/model";  // a Hugging Face folder: Qwen2, Qwen3 or Llama
  auto policy = grove::AnyCausalLm::load(model);
  grove::GroupSampler sampler(addition, grove::PromptFormat::load(model),
                              {.problems = 32, .group = 8, .max_tokens = 80});
  grove::Sum reward{grove::weighted(0.1, grove::ThinkAnswerFormat{}), grove::ExactAnswer{}};
  grove::Grpo grpo;
  grpo.objective.get<grove::KlInLoss<grove::K3>>().coefficient = 0.01;  // beta
  grove::Trainer trainer(grpo, std::move(policy), std::move(sampler), reward, {.schedule = {.peak = 2e-4}});
  trainer.run(60, grove::EveryN{10, [](auto&, grove::StepReport const& report) {
                                  std::cout << "step " << report.step << "  reward " << *report.metrics.find("reward")
                                            << '\n';
                                }});
  grove::save_model(trainer.policy(), model, "runs/quickstart");  // transformers loads it
}
