// SPDX-License-Identifier: Apache-2.0
// A model of the true 1.5B shape on this machine: seconds to open it, greedy tokens at batch 1, one GRPO step with
// adapters, and the memory of each. large_model.py makes the model and holds the tokens to transformers'.
//   bench_large_model FOLDER IDS_FILE [THREADS]
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/policy/lora.hpp"
#include "grove/profile/profile.hpp"
#include "grove/rollout/token_trajectories.hpp"
#include "grove/text/tokenizer.hpp"
#include "grove/trainer.hpp"

namespace {

namespace cpu = grove::nn::cpu;

class Clock {
 public:
  double lap() {
    auto const now = std::chrono::steady_clock::now();
    double const seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void say(char const* what, double seconds) {
  std::printf("%-44s %8.2f s   %6.2f GB resident at most\n", what, seconds, grove::take_peak_memory() / 1e9);
  std::fflush(stdout);
}

struct EvenTokens {
  static constexpr std::string_view name = "even_tokens";
  double operator()(grove::Problem const&, grove::Completion const& completion) const {
    double even = 0;
    for (auto token : completion.tokens) even += token % 2 == 0;
    return even;
  }
};

/// Six completions of one prompt, as tokens only: the model's vocabulary is larger than the tokenizer's.
struct Sampler {
  std::vector<grove::TokenId> prompt{};
  std::uint64_t collections = 0;

  grove::TokenTrajectories collect(grove::AnyCausalLm& policy) {
    grove::TokenTrajectories t;
    t.problems.resize(1);
    std::vector<cpu::GenerationRequest> const requests = {{.id = collections, .prompt = prompt, .samples = 6}};
    policy.generate(requests, {.max_tokens = 64, .collection = collections}, [&](cpu::GeneratedCompletion&& generated) {
      grove::TokenSample sample;
      sample.prompt = prompt;
      sample.completion = std::move(generated.completion);
      t.add(sample, 0);
    });
    ++collections;
    return t;
  }
  std::size_t group_size() const { return 6; }
  void state(grove::State& s) { s("collections", collections); }
};

std::vector<grove::TokenId> greedy(grove::AnyCausalLm const& model, std::vector<grove::TokenId> const& prompt,
                                   std::size_t tokens) {
  std::vector<grove::TokenId> ids;
  std::vector<cpu::GenerationRequest> const requests = {{.id = 0, .prompt = prompt}};
  model.generate(requests, {.sampling = {.temperature = 0}, .max_tokens = tokens},
                 [&](cpu::GeneratedCompletion&& generated) { ids = std::move(generated.completion.tokens); });
  return ids;
}

int run(std::string const& folder, std::string const& ids_file, std::size_t threads) {
  Clock clock;
  auto model = grove::AnyCausalLm::load(folder, {.threads = threads});
  say("open: map, convert, pack", clock.lap());

  auto const prompt = grove::text::Tokenizer::load(folder).encode("0123456789+-=abc");
  greedy(model, prompt, 1);
  say("prompt of 16 tokens, first token", clock.lap());
  auto const ids = greedy(model, prompt, 64);
  double const seconds = clock.lap();
  std::printf("%.4f s a token\n", seconds / 64);
  say("64 greedy tokens", seconds);
  std::ofstream out(ids_file);
  out << "{\"ids\":[";
  for (std::size_t i = 0; i < ids.size(); ++i) out << (i > 0 ? "," : "") << ids[i];
  out << "]}\n";

  grove::GrpoTokenMean algorithm;
  algorithm.objective.get<grove::KlInLoss<grove::K3>>().coefficient = 0.04;
  grove::Trainer trainer(algorithm, grove::Lora(std::move(model), {.rank = 16, .alpha = 32, .targets = {"all-linear"}}),
                         Sampler{prompt}, EvenTokens{}, {.schedule = {.peak = 1e-4}});
  say("adapters", clock.lap());
  for (int i = 0; i < 2; ++i) {
    auto const report = trainer.step();
    say("a step of 1 prompt x 6 x 64 tokens", clock.lap());
    for (auto const* name : {"timing/gather", "timing/score", "timing/update", "kl", "grad_norm"})
      std::printf("  %s %.4g\n", name, report.metrics.find(name).value_or(0));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "bench_large_model FOLDER IDS_FILE [THREADS]\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], argc > 3 ? std::stoul(argv[3]) : 2);
  } catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
