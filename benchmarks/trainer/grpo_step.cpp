// SPDX-License-Identifier: Apache-2.0
// A whole GRPO step: 32 prompts x 8 completions x 64 tokens (fixed), k3 KL at beta 0.04, one update; the work of
// shared/oracles/trl_step.py. GROVE_BENCHMARK_MODEL names the model folder; grpo_step_peers.py makes one and sets TRL
// beside it.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/random.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "grove/rollout/prompt_format.hpp"

namespace {

/// Samples groups whose completions all have 64 tokens: nothing ends one early.
struct FixedLength {
  grove::PromptFormat format;
  std::uint64_t collection = 0;

  grove::TokenTrajectories collect(grove::AnyCausalLm& policy) {
    grove::TokenTrajectories t;
    std::vector<std::vector<grove::TokenId>> prompts;
    std::vector<grove::nn::cpu::GenerationRequest> requests;
    grove::RandomSequence random(grove::RandomStream({0, grove::Purpose::Data}), collection);
    for (std::uint64_t p = 0; p < 32; ++p) {
      grove::Problem problem;
      problem.id = p;
      problem.messages = {
          {"user", "What is " + std::to_string(random.below(100)) + " + " + std::to_string(random.below(100)) + "?"}};
      prompts.push_back(format.tokens(problem));
      t.problems.push_back(std::move(problem));
    }
    for (std::uint64_t p = 0; p < 32; ++p) requests.push_back({.id = p, .prompt = prompts[p], .samples = 8});
    grove::nn::cpu::GenerationOptions const options{
        .max_tokens = 64, .text = grove::text_streams(format.tokenizer()), .collection = collection++};
    policy.generate(requests, options, [&](grove::nn::cpu::GeneratedCompletion&& generated) {
      auto const p = static_cast<std::uint32_t>(generated.request);
      t.add({.id = generated.id,
             .problem = p,
             .index = generated.sample,
             .prompt = prompts[p],
             .completion = std::move(generated.completion)},
            p);
    });
    return t;
  }
};

struct LengthModSeven {
  double operator()(grove::Problem const&, grove::Completion const& c) const {
    return static_cast<double>(c.text.size() % 7);
  }
};

void grpo_step(benchmark::State& state) {
  auto const* folder = std::getenv("GROVE_BENCHMARK_MODEL");
  if (folder == nullptr) {
    state.SkipWithError("GROVE_BENCHMARK_MODEL names no model folder");
    return;
  }
  grove::Trainer trainer(
      grove::GrpoTokenMean{}, grove::AnyCausalLm::load(folder, {.threads = static_cast<std::size_t>(state.range(0))}),
      FixedLength{grove::PromptFormat::load(folder)}, LengthModSeven{}, {.schedule = {.peak = 1e-5}});
  trainer.step();
  double gather = 0;
  for (auto _ : state) gather += *trainer.step().metrics.find("timing/gather");
  state.counters["generation s/step"] = gather / static_cast<double>(state.iterations());
}
BENCHMARK(grpo_step)
    ->Name("grpo_step")
    ->ArgName("threads")
    ->Arg(2)
    ->Iterations(1)
    ->Repetitions(10)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
