// SPDX-License-Identifier: Apache-2.0
// The numbers of a training run under the names that open-rs's YAML and TRL give them. One table serves the recipe
// files, `--set key=value`, the help and the resolved dump.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "grove/checkpoint/settings.hpp"
#include "open_rs/checkpoint_keys.hpp"
#include "open_rs/curriculum_keys.hpp"
#include "open_rs/evaluation_keys.hpp"
#include "open_rs/lora.hpp"
#include "open_rs/off_policy_keys.hpp"
#include "open_rs/recipe_original.hpp"
#include "open_rs/rewards.hpp"

namespace open_rs {

struct Recipe {
  // data and prompt
  std::string system_prompt{};
  std::string data_problem{}, data_gold{};  ///< column names; empty: the usual ones
  std::size_t data_rows = 0;                ///< of the data set as published; 0: not said
  std::size_t max_prompt_length = 0;
  // sampling
  std::size_t num_generations = 0, max_completion_length = 0;
  double temperature = 0, top_p = 0, min_p = 0;
  std::uint32_t top_k = 0;
  // batch
  std::size_t per_device_train_batch_size = 0, gradient_accumulation_steps = 0, num_processes = 0;
  std::size_t num_iterations = 0, minibatches = 0, tokens_per_micro_batch = 0;
  bool gradient_checkpointing = false;
  // rewards
  std::string reward_funcs{}, reward_weights{};
  RewardKeys rewards{};
  // objective
  std::string loss_type{}, scale_rewards{}, importance_sampling_level{};
  double beta = 0, epsilon = 0, epsilon_high = 0;
  bool mask_truncated_completions = false;
  AsRunKeys as_run{};
  OffPolicyKeys off_policy{};
  LoraKeys lora{};
  // critic, for algorithms that have one
  std::string critic{};
  double critic_learning_rate = 0;
  std::size_t value_warmup_steps = 0;
  // optimizer
  double learning_rate = 0, min_lr_rate = 0, warmup_ratio = 0, max_grad_norm = 0;
  double adam_beta1 = 0, adam_beta2 = 0, adam_epsilon = 0, weight_decay = 0;
  std::string lr_scheduler_type{}, optim{};
  std::size_t max_steps = 0;
  std::uint64_t seed = 0;
  std::size_t zero = 0;  ///< what processes divide: 0 nothing, 1 optimizer state, 2 gradients, too
  bool offload_optimizer = false, offload_reference = false;  ///< from a CUDA device to the host
  CheckpointKeys checkpoints{};
  CurriculumKeys curriculum{};
  EvaluationKeys evaluation{};
  GuardKeys guards{};
  grove::Settings resolved{};  ///< every key that changes results, with its value as text

  /// What `optim` says of AdamW's moments. Throws grove::Error for a word that it does not know.
  grove::MomentFormat moment_format() const;
  /// The numbers of the optimizer.
  grove::AdamWOptions adamw() const;
  /// Completion tokens of a micro-batch, where it is not a number of sequences.
  std::size_t token_budget() const { return tokens_per_micro_batch > 0 ? tokens_per_micro_batch : 8192; }
  /// Prompts of one optimizer step: every training process gets batch x accumulation completions.
  std::size_t prompts_per_step() const;
  std::vector<std::string> reward_names() const;
  std::vector<double> reward_weight_list() const;
};

/// What a recipe is made of, first the strongest: `--set`, then the recipe's file, then the defaults.
struct RecipeSources {
  std::string name = "exp3";            ///< of a file in the recipes folder, or a path
  std::vector<std::string> settings{};  ///< key=value
  bool replays = false;                 ///< the run plays recorded batches back and samples nothing
};

/// Every key with its default and meaning; values land in `recipe`.
boost::program_options::options_description recipe_options(Recipe& recipe);

/// Throws grove::Error for a key that does not exist (with the nearest name), a value out of range, or a recipe that
/// cannot be found.
Recipe resolve(RecipeSources const& sources);

/// The file of a recipe by its name or path. Throws grove::Error that lists the names there are.
std::filesystem::path recipe_file(std::string const& name);

/// Every key with its value and where that comes from: --set, a line of the file, or the default.
void print_recipe(RecipeSources const& sources, bool json, std::ostream& out);

}  // namespace open_rs
