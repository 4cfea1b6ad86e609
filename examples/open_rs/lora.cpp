// SPDX-License-Identifier: Apache-2.0
#include "open_rs/lora.hpp"

#include <utility>

#include "grove/error.hpp"
#include "grove/rollout/run_folder.hpp"
#include "open_rs/critic.hpp"
#include "open_rs/training.hpp"

namespace open_rs {

namespace fs = std::filesystem;

std::function<void(fs::path const&)> adapter_files(grove::LoraOptions options, fs::path model) {
  return [options = std::move(options), model = std::move(model)](fs::path const& folder) {
    grove::write_adapter_config(folder, options, model.string());
    fs::copy_file(folder / "model.safetensors", folder / "adapter_model.safetensors");
    grove::copy_tokenizer(model, folder);
  };
}

std::filesystem::path run_lora(TrainFlags const& flags, Recipe const& recipe, std::vector<ExtraReward> const& extras) {
  auto algorithm = flags.algorithm.empty() ? recipe_algorithm(recipe) : chosen_algorithm(flags, recipe);
  if (has_critic(algorithm))
    throw grove::Error("use_peft", "the algorithm trains a critic, which has no adapters",
                       "an algorithm without a critic", "--set use_peft=false");
  if (recipe.as_run.loss_scope != "step")
    throw grove::Error("use_peft", "loss_scope is " + recipe.as_run.loss_scope, "step");
  auto lora = [&] { return grove::Lora(model_of(flags, recipe), recipe.lora.options(recipe.seed)); };
  if (algorithm.objective.depends_on_micro_batch)
    return run_policy(std::move(algorithm), lora(), flags, recipe, extras,
                      grove::SequencesPerMicroBatch{recipe.per_device_train_batch_size});
  return run_policy(std::move(algorithm), lora(), flags, recipe, extras, grove::TokenBudget{recipe.token_budget()});
}

}  // namespace open_rs
