// SPDX-License-Identifier: Apache-2.0
#include "open_rs/open_rs.hpp"

#include <concepts>
#include <iostream>
#include <thread>
#include <utility>

#include "grove/error.hpp"
#include "grove/nn/cpu/gemm_kernels.hpp"
#include "grove/nn/torch/device.hpp"
#include "grove/version.hpp"
#include "open_rs/as_run.hpp"
#include "open_rs/critic.hpp"

namespace open_rs {

namespace {

CriticChoice critic_of(Recipe const& recipe) {
  bool const rated = recipe.critic_learning_rate > 0;
  return {.kind = recipe.critic,
          .rate = rated ? recipe.critic_learning_rate / recipe.learning_rate : 1,
          .given = rated || recipe.critic != "separate"};
}

/// Calls f with the composition that --algorithm and the recipe choose.
template <class F>
auto with_algorithm(TrainFlags const& flags, Recipe const& recipe, F const& f) {
  if (!flags.algorithm.empty()) return f(chosen_algorithm(flags, recipe));
  if (has_original_loss(recipe)) return f(original_loss(recipe));
  bool const by_type = recipe.scale_rewards == "group" && recipe.importance_sampling_level.empty();
  if (by_type && recipe.loss_type == "grpo") return f(grove::Grpo{});
  if (by_type && recipe.loss_type == "dapo") return f(grove::GrpoTokenMean{});
  return f(recipe_algorithm(recipe));
}

}  // namespace

void check_off_policy(TrainFlags const& flags, Recipe const& recipe) {
  if (!recipe.off_policy.one_step_ahead) return;
  with_algorithm(flags, recipe, [&](auto const& algorithm) { check_off_policy(algorithm, recipe); });
}

std::filesystem::path run_recipe(TrainFlags const& flags, Recipe const& recipe,
                                 std::vector<ExtraReward> const& extras) {
  auto const critic = critic_of(recipe);
  if (recipe.lora.use_peft || flags.algorithm.empty()) refuse_critic(critic);
  if (recipe.lora.use_peft) return run_lora(flags, recipe, extras);
  return with_algorithm(flags, recipe, [&](auto algorithm) {
    grove::TokenBudget const budget{recipe.token_budget()};
    if constexpr (std::same_as<decltype(algorithm), grove::AnyAlgorithm>) {
      // A mean over single micro-batches wants micro-batches of one size.
      if (algorithm.objective.depends_on_micro_batch)
        return run_training(std::move(algorithm), flags, recipe, extras,
                            grove::SequencesPerMicroBatch{recipe.per_device_train_batch_size});
      if (!flags.algorithm.empty())
        return with_critic(model_of(flags, recipe), flags.model.folder, algorithm, critic, [&](auto policy) {
          return run_policy(std::move(algorithm), std::move(policy), flags, recipe, extras, budget);
        });
    }
    return run_training(std::move(algorithm), flags, recipe, extras, budget);
  });
}

namespace {

/// What the matrix products of the CPU engine were chosen for.
char const* instruction_set() {
  using namespace grove::nn::cpu::detail;
  if (find_kernels(Isa::Avx512) != nullptr) return "AVX-512";
  return find_kernels(Isa::Avx2) != nullptr ? "AVX2 and FMA" : "any CPU (slow)";
}

}  // namespace

int print_version() {
  auto const build = grove::nn::torch::build();
  std::cout << "grove " << grove::version << ", " << (build.cuda ? "CUDA" : "CPU") << " build, LibTorch "
            << build.libtorch;
  if (build.cuda) std::cout << ", for compute capabilities " << build.architectures;
  std::cout << "\nCPU: " << std::thread::hardware_concurrency() << " threads, kernels for " << instruction_set()
            << '\n';
  auto const devices = grove::nn::torch::cuda_devices();
  for (std::size_t i = 0; i < devices.size(); ++i)
    std::cout << "cuda:" << i << ": " << devices[i].name << ", compute capability " << devices[i].capability << ", "
              << (devices[i].memory >> 20U) << " MiB\n";
  if (devices.empty()) std::cout << "CUDA: " << (build.cuda ? "no device is seen" : "not in this build") << '\n';
  return 0;
}

int print_help(std::string const& name) {
  if (name != "--help" && name != "-h" && name != "help")
    throw grove::Error("open_rs", "unknown command '" + name + "'",
                       "tokenize, detokenize, logprobs, generate, train, evaluate, report, curate, recipe, plan, "
                       "objective, verify or score",
                       "see open_rs --help");
  std::cout << "usage: open_rs COMMAND [options]        (open_rs COMMAND --help lists the options)\n\n"
               "  tokenize     text on stdin -> token ids\n"
               "  detokenize   token ids on stdin -> text\n"
               "  logprobs     token ids on stdin -> log-probs\n"
               "  generate     prompts or conversations on stdin -> completions\n"
               "  train        GRPO with a recipe of open-rs on problems of a file\n"
               "  evaluate     test sets and a model, or its completions -> pass@1, pass@k, maj@n with intervals\n"
               "  plan         memory, hours and dollars of a recipe on given GPUs\n"
               "  report       folders of train and evaluate -> one HTML page\n"
               "  curate       a pool of problems -> those worth training on, stage by stage\n"
               "  recipe       every key of a recipe, its value and where that comes from\n"
               "  objective    columns of a batch on stdin -> advantages, loss and derivatives\n"
               "  verify       GOLD ANSWER -> is the answer right, and why\n"
               "  score        gold answers and completions on stdin -> the value of each reward\n"
               "  --version    which build this is\n\n"
               "stdin and stdout are JSON lines in the same order; everything else goes to stderr.\n";
  return 0;
}

}  // namespace open_rs
