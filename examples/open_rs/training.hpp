// SPDX-License-Identifier: Apache-2.0
// open_rs train: a recipe's numbers poured into the library's Trainer. The algorithm is a template argument, so that an
// estimator or objective of one's own enters by the same seat as GRPO.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/any_algorithm.hpp"
#include "grove/observers.hpp"
#include "grove/reward/reward_set.hpp"
#include "grove/reward/scorer.hpp"
#include "grove/rollout/any_token_rollout.hpp"
#include "grove/rollout/learn_from.hpp"
#include "grove/rollout/run_folder.hpp"
#include "open_rs/checkpoints.hpp"
#include "open_rs/command_line.hpp"
#include "open_rs/processes.hpp"
#include "open_rs/profiling.hpp"
#include "open_rs/recipe.hpp"
#include "open_rs/rewards.hpp"
#include "open_rs/watch.hpp"

namespace open_rs {

struct TrainFlags {
  ModelFlags model{};
  RecipeSources sources{};
  std::filesystem::path data{}, out{}, record{}, replay{}, gradients{};
  std::filesystem::path trace{};                  ///< of the run's phases; empty: none
  bool profile = false;                           ///< speed and memory of each phase in the metrics
  std::size_t steps = 0;                          ///< 0: the recipe's
  bool print_recipe = false, dry_run = false;     ///< then nothing is trained
  bool json = false;                              ///< of what these two print
  std::string algorithm{};                        ///< empty: the recipe's loss_type says which
  std::vector<std::string> algorithm_settings{};  ///< key=value of --set that are its numbers
  ResumeFlags resume{};
  ProcessFlags launch{};
  mutable grove::ProcessGroup ranks{};
  std::shared_ptr<grove::Split> split{};  ///< where some of the ranks only sample
};

/// Parses the arguments of `train`. False when only help was wanted.
bool parse_train(Arguments const& arguments, std::vector<ExtraReward> const& extras, TrainFlags& flags, Recipe& recipe);

/// The recipe's rewards by name, and the extra ones.
grove::RewardSet rewards_of(Recipe const& recipe, std::vector<ExtraReward> const& extras);

/// Scores recorded batches with what was recorded.
struct RecordedOr {
  grove::RewardSet rewards{};

  grove::RewardMatrix evaluate(grove::TokenTrajectories const& t) const;
  grove::RewardMatrix evaluate(grove::TokenTrajectories const& t, grove::Scorer& scorer) const;
};

/// Where the run is kept, and what a resume must have the same: the recipe, the algorithm's numbers, the data.
RunPlace place_of(TrainFlags const& flags, Recipe const& recipe, std::filesystem::path const& folder,
                  grove::Settings const& training);

/// The problems of --data as conversations after the recipe's system prompt.
std::vector<grove::Problem> problems_of(TrainFlags const& flags, Recipe const& recipe);

grove::Progress progress_on_stderr(std::size_t steps);
/// The sampler over the problems that pass the rewards' self-test, or a replay.
grove::AnyTokenRollout rollout_of(TrainFlags const& flags, Recipe const& recipe,
                                  std::vector<ExtraReward> const& extras);
grove::TrainOptions options_of(TrainFlags const& flags, Recipe const& recipe);
void announce(TrainFlags const& flags, Recipe const& recipe, std::string const& algorithm);

/// The algorithm of --algorithm with its settings.
grove::AnyAlgorithm chosen_algorithm(TrainFlags const& flags, Recipe const& recipe);

/// What the recipe's loss_type, scale_rewards and importance_sampling_level make in TRL.
grove::AnyAlgorithm recipe_algorithm(Recipe const& recipe);

/// Gives the recipe's numbers to the terms that have them.
template <class Algorithm>
Algorithm configured(Algorithm algorithm, Recipe const& recipe) {
  if constexpr (!std::same_as<Algorithm, grove::AnyAlgorithm>) {
    auto& objective = algorithm.objective;
    using TokenGradient = grove::PolicyGradient<grove::TokenRatio, grove::Clip>;
    using SequenceGradient = grove::PolicyGradient<grove::SequenceRatio, grove::Clip>;
    using Kl = grove::KlInLoss<grove::K3>;
    grove::Clip const clip{.low = recipe.epsilon,
                           .high = recipe.epsilon_high > 0 ? recipe.epsilon_high : recipe.epsilon};
    if constexpr (requires { objective.template get<TokenGradient>(); })
      objective.template get<TokenGradient>().surrogate = clip;
    if constexpr (requires { objective.template get<SequenceGradient>(); })
      objective.template get<SequenceGradient>().surrogate = clip;
    if constexpr (requires { objective.template get<Kl>(); }) objective.template get<Kl>().coefficient = recipe.beta;
  }
  return algorithm;
}

/// Throws Error where the recipe samples a step ahead and the algorithm's objective does not correct for it.
template <class Algorithm>
void check_off_policy(Algorithm const& algorithm, Recipe const& recipe) {
  auto const old = old_log_probs_of(recipe.off_policy.old_log_probs);
  if (!recipe.off_policy.one_step_ahead || grove::reads_sampler<float>(algorithm.objective, old)) return;
  throw grove::Error("recipe", "one_step_ahead with an objective that does not read the sampler's log-probs",
                     "a correction for the older weights",
                     "set old_log_probs=sampled, or take an algorithm with a correction, as --algorithm trl");
}

/// The model to train; its log-probs are those of the recipe's temperature.
grove::AnyCausalLm model_of(TrainFlags const& flags, Recipe const& recipe);

/// What a sampling rank does until the run ends: completions for those that train.
template <class P>
void sample_for_others(P& policy, TrainFlags const& flags, Recipe const& recipe,
                       std::vector<ExtraReward> const& extras) {
  auto rollout = rollout_of(flags, recipe, extras);
  flags.split->serve(
      policy,
      [&](grove::AnyCausalLm& model, std::uint64_t collection) {
        rollout.set_collections(collection);
        return rollout.collect(model);
      },
      asked_to_stop);
}

/// The run itself; returns the folder it wrote.
template <class Algorithm, class P, class Batching>
std::filesystem::path run_policy(Algorithm algorithm, P policy, TrainFlags flags, Recipe const& recipe,
                                 std::vector<ExtraReward> const& extras, Batching batching) {
  auto ranks = flags.ranks;
  bool const first = ranks.rank() == 0;
  std::filesystem::path folder =
      agreed(ranks, flags.out.empty() ? new_run_folder("open_rs").string() : flags.out.string());
  if (auto placement = grove::Placement::parse(recipe.as_run.placement); placement.samplers > 0) {
    placement.one_step_ahead = recipe.off_policy.one_step_ahead;
    check_agreement(ranks, recipe.resolved);
    flags.split = std::make_shared<grove::Split>(ranks, placement);
    if (flags.split->samples()) {
      sample_for_others(policy, flags, recipe, extras);
      return folder;
    }
    ranks = flags.split->trainers();
  }
  auto const name = algorithm.describe();
  auto const profile = profile_of(flags, recipe, policy.config());
  auto options = options_of(flags, recipe);
  if (profile) attach(*profile, options);
  grove::Trainer trainer(configured(std::move(algorithm), recipe), std::move(policy), rollout_of(flags, recipe, extras),
                         RecordedOr{rewards_of(recipe, extras)}, std::move(options), batching, ranks);
  Watch watch(recipe.evaluation, recipe.guards, flags.model, recipe.max_completion_length, recipe.seed,
              [&](std::string const& line) {
                if (first) std::cerr << line << '\n';
              });
  if (!recipe.curriculum.curriculum_reward.empty() && trainer.rollout().source() == nullptr)
    throw grove::Error("recipe", "curriculum_reward on a rank that samples nothing itself", "no --replay, colocated");
  auto const place = place_of(flags, recipe, folder, trainer.settings());
  check_agreement(ranks, place.settings);
  auto const done = take_up(trainer, place);
  grove::LearnFrom learn(recipe.curriculum.curriculum_reward, trainer.rollout().draws());
  if (done > 0) {
    watch.recall(history_of(folder), done);
  } else if (first) {
    std::error_code none;  // a folder that cannot be made is the run log's to name
    std::filesystem::remove(folder / "metrics.jsonl", none);
  }
  grove::RunLog log(first ? folder : folder / ("rank-" + std::to_string(ranks.rank())), true, done);
  if (first) announce(flags, recipe, name);
  auto const steps = flags.steps > 0 ? flags.steps : recipe.max_steps;
  auto const record = [&](auto& t, grove::StepReport const& report) {
    if (!flags.record.empty()) grove::Recorder{flags.record}(t, report);
  };
  auto saving = checkpoint_options(place, recipe.checkpoints);
  if (recipe.lora.use_peft) saving.beside = adapter_files(recipe.lora.options(recipe.seed), flags.model.folder);
  if (flags.split) saving.stop = [split = flags.split] { return asked_to_stop() || split->stop_wanted(); };
  grove::Checkpoint checkpoint(std::move(saving));
  auto progress = [&, line = progress_on_stderr(steps)](auto& t, grove::StepReport const& report) mutable {
    if (first) line(t, report);
  };
  if (auto const start = watch.before(trainer)) log.write_metrics(*start);
  trainer.run(steps - std::min(steps, done), watch, learn, progress, log, record, checkpoint);
  if (flags.split) flags.split->stop();
  if (first && trainer.steps() >= steps) {
    grove::save_model(trainer.policy(), flags.model.folder, folder / "final");
    if constexpr (requires { trainer.policy().save_adapter(folder, std::string()); })
      trainer.policy().save_adapter(folder / "final-adapter", flags.model.folder.string());
  }
  if (profile) profile->finish();
  return folder;
}

/// A run of the model alone.
template <class Algorithm, class Batching>
std::filesystem::path run_training(Algorithm algorithm, TrainFlags const& flags, Recipe const& recipe,
                                   std::vector<ExtraReward> const& extras, Batching batching) {
  return run_policy(std::move(algorithm), model_of(flags, recipe), flags, recipe, extras, batching);
}

}  // namespace open_rs
