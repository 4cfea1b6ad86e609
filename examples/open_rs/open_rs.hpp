// SPDX-License-Identifier: Apache-2.0
// The command line of open_rs as a function: a program of one's own calls it with rewards as values, and an algorithm
// as the template argument.
#pragma once

#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/reward/named.hpp"
#include "open_rs/as_run.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/training.hpp"

namespace open_rs {

/// loss_type "dapo" and "grpo" of the recipe choose between these; an algorithm of one's own replaces both.
struct RecipeAlgorithm {};

/// The run of the recipe's own algorithm or of --algorithm; compiled once, in the library.
std::filesystem::path run_recipe(TrainFlags const& flags, Recipe const& recipe, std::vector<ExtraReward> const& extras);

/// Throws Error where the recipe samples a step ahead and its own algorithm or --algorithm does not correct for it.
void check_off_policy(TrainFlags const& flags, Recipe const& recipe);

template <class Algorithm>
int train(Arguments const& arguments, std::vector<ExtraReward> const& extras) {
  TrainFlags flags;
  Recipe recipe;
  if (!parse_train(arguments, extras, flags, recipe)) return 0;
  auto const name = std::same_as<Algorithm, RecipeAlgorithm> ? flags.algorithm : "the program's own algorithm";
  if constexpr (std::same_as<Algorithm, RecipeAlgorithm>)
    check_off_policy(flags, recipe);
  else
    check_off_policy(Algorithm{}, recipe);
  if (flags.launch.processes > 1 && !is_launched()) {
    check_loss_scope(recipe, training_ranks(recipe, flags.launch.processes), name);
    auto words = arguments;
    words.insert(words.begin(), "train");
    return launch(flags.launch.processes, words);
  }
  flags.ranks = meet(flags.launch);
  auto const folder = as_rank(flags.ranks, [&] {
    check_loss_scope(recipe, training_ranks(recipe, flags.ranks.size()), name);
    if constexpr (!std::same_as<Algorithm, RecipeAlgorithm>)
      return run_training(Algorithm{}, flags, recipe, extras, grove::TokenBudget{recipe.token_budget()});
    else
      return run_recipe(flags, recipe, extras);
  });
  if (flags.ranks.rank() == 0) std::cout << folder.string() << '\n';
  return 0;
}

/// Dispatches to the subcommands; the exit code is 0, or 2 for bad input.
template <class Algorithm = RecipeAlgorithm, class... Rewards>
int main(int argc, char** argv, grove::Named<Rewards>... rewards) {
  std::vector<ExtraReward> const extras = {{rewards.name, [rewards](grove::RewardSet& set, double weight) {
                                              set.add(rewards.name, weight, rewards.reward);
                                            }}...};
  return guarded("open_rs", [&] {
    Arguments arguments(argv + 1, argv + argc);
    std::string const name = arguments.empty() ? "--help" : arguments.front();
    if (!arguments.empty()) arguments.erase(arguments.begin());
    if (name == "tokenize") return tokenize(arguments);
    if (name == "detokenize") return detokenize(arguments);
    if (name == "logprobs") return logprobs(arguments);
    if (name == "generate") return generate(arguments);
    if (name == "train") return train<Algorithm>(arguments, extras);
    if (name == "evaluate") return evaluate(arguments);
    if (name == "report") return report(arguments);
    if (name == "curate") return curate(arguments);
    if (name == "recipe") return recipe(arguments);
    if (name == "objective") return objective(arguments);
    if (name == "verify") return verify(arguments);
    if (name == "plan") return plan(arguments);
    if (name == "score") return score(arguments, extras);
    if (name == "--version") return print_version();
    return print_help(name);
  });
}

}  // namespace open_rs
