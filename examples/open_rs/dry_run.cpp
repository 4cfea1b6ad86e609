// SPDX-License-Identifier: Apache-2.0
#include "open_rs/dry_run.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <numeric>
#include <string>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/rollout/prompt_format.hpp"
#include "open_rs/as_run.hpp"
#include "open_rs/plan.hpp"

namespace open_rs {
namespace {

using grove::io::Json;

constexpr char const* machine = "4xA40";  // the paper's

/// What is known of the prompts.
struct Prompts {
  std::vector<grove::Problem> problems{};  ///< each with the number of its row as id
  std::size_t rows = 0;                    ///< of the file, or as published
  std::vector<std::size_t> tokens{};       ///< of each prompt of the file; empty without --data and --model
};

/// Rows that stand for a data set which is not there.
std::vector<grove::Problem> numbered(std::size_t rows) {
  std::vector<grove::Problem> problems(rows);
  for (std::size_t row = 0; row < rows; ++row) problems[row].id = row;
  return problems;
}

Prompts prompts_of(TrainFlags const& flags, Recipe const& recipe) {
  if (flags.data.empty()) return {.problems = numbered(recipe.data_rows), .rows = recipe.data_rows};
  auto problems = problems_of(flags, recipe);
  for (std::size_t row = 0; row < problems.size(); ++row) problems[row].id = row;
  Prompts prompts{.rows = problems.size()};
  if (!flags.model.folder.empty()) {
    auto const format = grove::PromptFormat::load(flags.model.folder);
    for (auto const& problem : problems) prompts.tokens.push_back(format.tokens(problem).size());
    problems = within_limit(std::move(problems), format, recipe, std::cerr);
  }
  prompts.problems = std::move(problems);
  return prompts;
}

/// The rows of each step.
std::vector<std::vector<std::uint64_t>> order_of(std::vector<grove::Problem> problems, Recipe const& recipe,
                                                 std::size_t steps) {
  std::vector<std::vector<std::uint64_t>> order;
  if (problems.empty()) return order;
  if (problems.size() < recipe.prompts_per_step())
    throw grove::Error("open_rs train", std::to_string(problems.size()) + " problems",
                       "at least the " + std::to_string(recipe.prompts_per_step()) + " prompts of one step",
                       "set a smaller batch");
  auto source = in_order(std::move(problems), recipe);
  std::uint64_t draw = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    auto& rows = order.emplace_back();
    for (std::size_t p = 0; p < recipe.prompts_per_step(); ++p) rows.push_back(source(draw++).id);
  }
  return order;
}

std::vector<double> rates_of(TrainFlags const& flags, Recipe const& recipe, std::size_t steps) {
  auto const schedule = options_of(flags, recipe).schedule;
  auto const updates = recipe.num_iterations * recipe.minibatches;
  std::vector<double> rates;
  for (std::size_t step = 0; step < steps; ++step) rates.push_back(schedule((step + 1) * updates - 1));
  return rates;
}

std::string batches_of(Recipe const& recipe) {
  auto const size = std::to_string(recipe.per_device_train_batch_size);
  auto const steps = std::to_string(recipe.gradient_accumulation_steps);
  auto const ranks = std::to_string(recipe.num_processes);
  std::string const means =
      recipe.as_run.loss_scope == "step" ? "one mean over the step" : "a mean over each, then averaged";
  return size + " completions x " + steps + " accumulation steps x " + ranks + " processes; " + means;
}

Json tokens_of(Prompts const& prompts, Recipe const& recipe, std::size_t steps) {
  auto const completions = recipe.prompts_per_step() * recipe.num_generations;
  auto const per_step = completions * recipe.max_completion_length;
  Json tokens = {{"completion_at_most", recipe.max_completion_length},
                 {"step_at_most", per_step},
                 {"run_at_most", per_step * steps}};
  if (prompts.tokens.empty()) return tokens;
  auto const sum = std::accumulate(prompts.tokens.begin(), prompts.tokens.end(), std::size_t{0});
  tokens["prompt_mean"] = static_cast<double>(sum) / static_cast<double>(prompts.tokens.size());
  tokens["prompt_longest"] = std::ranges::max(prompts.tokens);
  tokens["prompts_over_limit"] =
      std::ranges::count_if(prompts.tokens, [&](std::size_t n) { return n > recipe.max_prompt_length; });
  return tokens;
}

template <class... T>
std::string line(char const* format, T... values) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

/// Steps worth showing of all.
std::vector<std::size_t> shown_steps(std::size_t steps, std::size_t warmup) {
  std::vector<std::size_t> shown = {1, warmup / 2 + 1, warmup + 1};
  for (std::size_t step = 101; step < steps; step += 100) shown.push_back(step);
  shown.push_back(steps);
  std::erase_if(shown, [&](std::size_t step) { return step == 0 || step > steps; });
  std::ranges::sort(shown);
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  return shown;
}

void print_order(Json const& order, std::ostream& out) {
  if (order.empty()) {
    out << "data order    not known: give --data, or set data.rows\n";
    return;
  }
  for (std::size_t step : {std::size_t{1}, std::size_t{2}, order.size()}) {
    if (step > order.size()) continue;
    out << line("data order    step %zu:", step);
    for (auto const& row : order[step - 1]) out << ' ' << row;
    out << '\n';
  }
}

void print_table(Json const& found, Recipe const& recipe, std::ostream& out) {
  auto const number = [&](Json const& of, char const* name) { return of[name].get<std::size_t>(); };
  auto const steps = number(found, "steps");
  auto const prompts = number(found, "prompts_per_step");
  out << "recipe        " << found["recipe"].get<std::string>() << ", " << steps << " steps\n"
      << "step          " << prompts << " problems x " << recipe.num_generations << " completions, "
      << batches_of(recipe) << '\n'
      << "run           " << prompts * steps << " prompts, " << prompts * steps * recipe.num_generations
      << " completions";
  if (auto const rows = number(found, "rows"); rows > 0)
    out << line(", %.2f epochs of %zu rows", found["epochs"].get<double>(), rows);
  auto const& tokens = found["tokens"];
  out << "\ntokens        " << number(tokens, "completion_at_most") << " a completion, "
      << number(tokens, "step_at_most") << " a step, " << number(tokens, "run_at_most") << " the run, at most\n";
  if (tokens.contains("prompt_mean"))
    out << line("prompts       %.1f tokens on average, %zu at most; %zu over the limit of %zu (%s)\n",
                tokens["prompt_mean"].get<double>(), number(tokens, "prompt_longest"),
                number(tokens, "prompts_over_limit"), recipe.max_prompt_length,
                recipe.as_run.prompt_over_limit.c_str());
  out << "learning rate";
  for (auto step : shown_steps(steps, number(found, "warmup_steps")))
    out << line(" %zu: %.5g", step, found["schedule"][step - 1].get<double>());
  out << '\n';
  print_order(found["order"], out);
  auto const& plan = found["plan"];
  out << line("plan          on %s: %.1f to %.1f hours, %.2f of %.2f GiB a GPU%s (open_rs plan says more)\n", machine,
              plan["hours_range"][0].get<double>(), plan["hours_range"][1].get<double>(),
              plan["peak_bytes"].get<double>() / grove::plan::gib,
              plan["memory_bytes"].get<double>() / grove::plan::gib, plan["fits"].get<bool>() ? "" : ": does not fit");
}

}  // namespace

void dry_run(TrainFlags const& flags, Recipe const& recipe, std::vector<ExtraReward> const& extras, std::ostream& out) {
  rewards_of(recipe, extras);  // names and numbers that do not exist are refused here, too
  auto const steps = flags.steps > 0 ? flags.steps : recipe.max_steps;
  auto prompts = prompts_of(flags, recipe);
  auto const drawn = static_cast<double>(recipe.prompts_per_step() * steps);
  bool const has_config = std::filesystem::exists(flags.model.folder / "config.json");
  auto const plan =
      plan_of(flags.sources.name, recipe, machine, has_config ? flags.model.folder.string() : std::string());
  Json found = {{"recipe", flags.sources.name},
                {"steps", steps},
                {"prompts_per_step", recipe.prompts_per_step()},
                {"completions_per_step", recipe.prompts_per_step() * recipe.num_generations},
                {"rows", prompts.rows},
                {"epochs", prompts.rows > 0 ? drawn / static_cast<double>(prompts.problems.size()) : 0.0},
                {"tokens", tokens_of(prompts, recipe, steps)},
                {"warmup_steps", options_of(flags, recipe).schedule.warmup},
                {"schedule", rates_of(flags, recipe, steps)},
                {"plan", plan_json(plan)}};
  found["order"] = order_of(std::move(prompts.problems), recipe, steps);
  if (flags.json)
    out << found.dump() << '\n';
  else
    print_table(found, recipe, out);
}

}  // namespace open_rs
