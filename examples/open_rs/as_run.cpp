// SPDX-License-Identifier: Apache-2.0
#include "open_rs/as_run.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "grove/advantage/group_relative.hpp"
#include "grove/algorithm.hpp"
#include "grove/erased_algorithm.hpp"
#include "grove/error.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/clip.hpp"
#include "grove/objective/kl_in_loss.hpp"
#include "grove/objective/policy_gradient.hpp"
#include "grove/objective/terms.hpp"
#include "grove/rollout/remote_sampler.hpp"

namespace open_rs {
namespace {

template <class Scope, class Kl>
grove::AnyAlgorithm token_mean(Recipe const& recipe) {
  using Gradient = grove::PolicyGradient<grove::TokenRatio, grove::Clip>;
  using Penalty = grove::KlInLoss<Kl>;
  grove::Algorithm<grove::GroupRelative<grove::OverGroup>, grove::Terms<grove::TokenMean<Scope>, Gradient, Penalty>>
      algorithm;
  algorithm.objective.template get<Gradient>().surrogate = {
      .low = recipe.epsilon, .high = recipe.epsilon_high > 0 ? recipe.epsilon_high : recipe.epsilon};
  algorithm.objective.template get<Penalty>().coefficient = recipe.beta;
  return grove::erase(algorithm);
}

template <class Scope>
grove::AnyAlgorithm rounded_as_wanted(Recipe const& recipe) {
  return recipe.as_run.logprob_rounding == "bf16" ? token_mean<Scope, K3InBf16>(recipe)
                                                  : token_mean<Scope, grove::K3>(recipe);
}

bool by_micro_batch(Recipe const& recipe) { return recipe.as_run.loss_scope == "rank_micro_batch"; }

}  // namespace

bool has_original_loss(Recipe const& recipe) {
  return by_micro_batch(recipe) || recipe.as_run.logprob_rounding == "bf16";
}

grove::AnyAlgorithm original_loss(Recipe const& recipe) {
  return by_micro_batch(recipe) ? rounded_as_wanted<grove::Local>(recipe) : rounded_as_wanted<grove::Window>(recipe);
}

std::size_t training_ranks(Recipe const& recipe, std::size_t processes) {
  auto const samplers = grove::Placement::parse(recipe.as_run.placement).samplers;
  return processes - std::min(samplers, processes);
}

void check_loss_scope(Recipe const& recipe, std::size_t training_ranks, std::string_view algorithm) {
  if (!algorithm.empty() && has_original_loss(recipe))
    throw grove::Error("recipe", "loss_scope and logprob_rounding do nothing in " + std::string(algorithm),
                       "the recipe's own loss", "set loss_scope=step and logprob_rounding=f32, or take no algorithm");
  if (!by_micro_batch(recipe) || training_ranks == recipe.num_processes) return;
  auto const steps = recipe.gradient_accumulation_steps * recipe.num_processes;
  throw grove::Error(
      "recipe",
      "loss_scope = rank_micro_batch on " + std::to_string(training_ranks) + " training process" +
          (training_ranks == 1 ? "" : "es"),
      std::to_string(recipe.num_processes) + ", its num_processes: the loss is a mean over each one's micro-batches",
      "start as many, or set num_processes=1 and gradient_accumulation_steps=" + std::to_string(steps) +
          " for the same micro-batches on one");
}

std::vector<grove::Problem> within_limit(std::vector<grove::Problem> problems, grove::PromptFormat const& format,
                                         Recipe const& recipe, std::ostream& log) {
  auto const limit = recipe.max_prompt_length;
  auto const& rule = recipe.as_run.prompt_over_limit;
  std::vector<grove::Problem> kept;
  auto const all = problems.size();
  std::size_t too_long = 0;
  for (auto& problem : problems) {
    auto const tokens = format.tokens(problem).size();
    bool const fits = limit == 0 || tokens <= limit;
    if (!fits && rule == "error")
      throw grove::Error("problem " + std::to_string(problem.id), "a prompt of " + std::to_string(tokens) + " tokens",
                         "at most " + std::to_string(limit),
                         "raise max_prompt_length, or set prompt_over_limit=drop or left");
    too_long += fits ? 0 : 1;
    if (fits || rule == "left") kept.push_back(std::move(problem));
  }
  if (too_long > 0)
    log << too_long << " of " << all << " prompts are longer than " << limit
        << " tokens: " << (rule == "left" ? "training sees their ends, the sampler all of them\n" : "left out\n");
  return kept;
}

grove::ProblemSource in_order(std::vector<grove::Problem> problems, Recipe const& recipe) {
  if (recipe.as_run.data_order == "torch")
    return grove::TorchOrderedProblems(std::move(problems), recipe.seed, recipe.prompts_per_step());
  return grove::ShuffledProblems(std::move(problems), recipe.seed);
}

grove::PromptViews prompt_views(Recipe const& recipe) {
  return {.second_bos = recipe.as_run.rollout_bos == "twice",
          .train_tokens = recipe.as_run.prompt_over_limit == "left" ? recipe.max_prompt_length : 0};
}

}  // namespace open_rs
