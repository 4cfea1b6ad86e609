// SPDX-License-Identifier: Apache-2.0
#include "open_rs/training.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <iterator>
#include <sstream>

#include "grove/data/problems.hpp"
#include "grove/data/rows.hpp"
#include "grove/error.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "open_rs/algorithm_options.hpp"
#include "open_rs/as_run.hpp"
#include "open_rs/dry_run.hpp"
#include "open_rs/trl_algorithm.hpp"

namespace open_rs {
namespace {

/// Puts the recipe's system prompt before each problem and turns a plain problem into a conversation.
std::vector<grove::Problem> as_conversations(std::vector<grove::Problem> problems, std::string const& system_prompt) {
  for (auto& problem : problems) {
    if (problem.messages.empty()) problem.messages.push_back({"user", std::move(problem.prompt)});
    problem.prompt.clear();
    if (!system_prompt.empty() && problem.messages.front().role != "system")
      problem.messages.insert(problem.messages.begin(), {"system", system_prompt});
  }
  return problems;
}

grove::Schedule schedule_of(Recipe const& r) {
  using Decay = grove::Schedule::Decay;
  grove::Schedule schedule{
      .peak = r.learning_rate,
      .warmup = static_cast<std::size_t>(std::ceil(r.warmup_ratio * static_cast<double>(r.max_steps))),
      .total = r.max_steps};
  if (r.lr_scheduler_type == "constant" || r.lr_scheduler_type == "constant_with_warmup") {
    schedule.decay = Decay::Constant;
  } else if (r.lr_scheduler_type == "linear") {
    schedule.decay = Decay::Linear;
  } else if (r.lr_scheduler_type == "cosine" || r.lr_scheduler_type == "cosine_with_min_lr") {
    schedule.decay = Decay::Cosine;
    schedule.min_ratio = r.lr_scheduler_type == "cosine" ? 0.0 : r.min_lr_rate;
  } else {
    throw grove::Error("recipe", "lr_scheduler_type is '" + r.lr_scheduler_type + "'",
                       "constant, linear, cosine or cosine_with_min_lr");
  }
  return schedule;
}

grove::RatioCheck ratio_check_of(TrainFlags const& flags) {
  return flags.model.resolved().dtype == grove::Dtype::BF16 ? grove::bf16_ratio_check() : grove::RatioCheck{};
}

/// Neither needs a model.
bool asks_for_print_only(Arguments const& arguments) {
  return std::ranges::any_of(arguments,
                             [](auto const& word) { return word == "--print-recipe" || word == "--dry-run"; });
}

/// Of all shards, in their order.
std::string fingerprint_of_data(std::filesystem::path const& data) {
  std::string text;
  for (auto const& file : grove::data::data_files(data))
    text.append(text.empty() ? "" : "+").append(fingerprint_of_file(file));
  return text;
}

/// Throws Error where the ranks cannot be placed as the recipe says.
void check_placement(TrainFlags const& flags, Recipe const& recipe) {
  auto const placement = grove::Placement::parse(recipe.as_run.placement);
  placement.check(flags.launch.ranks());
  if (placement.samplers == 0) return;
  if (!flags.replay.empty())
    throw grove::Error("--replay", "with placement = " + recipe.as_run.placement, "colocated: a replay samples nothing",
                       "--placement colocated, on as many processes as trained or on one; what was sampled one step "
                       "ahead keeps one_step_ahead=true");
}

/// Throws Error for a trace that could not be written when the run has ended.
void check_trace(std::filesystem::path const& trace) {
  if (trace.empty()) return;
  auto const folder = trace.has_parent_path() ? trace.parent_path() : std::filesystem::path(".");
  std::error_code none;
  if (std::filesystem::is_directory(trace, none) || !std::filesystem::is_directory(folder, none) ||
      ::access(folder.c_str(), W_OK) != 0)
    throw grove::Error("--trace", "'" + trace.string() + "' cannot be written", "a file in a writable folder");
}

/// Keys of a recipe that the algorithm of its loss_type has, and another may not.
constexpr std::array<std::string_view, 6> loss_keys = {"beta",      "epsilon",       "epsilon_high",
                                                       "loss_type", "scale_rewards", "importance_sampling_level"};

bool is_loss_key(std::string_view key) { return std::ranges::find(loss_keys, key) != loss_keys.end(); }

/// The keys of a recipe, and with --algorithm those of the algorithm in place of its loss's.
std::string keys_for_help(Arguments const& arguments) {
  Recipe defaults;
  auto const all = recipe_options(defaults);
  auto const algorithm = name_in(arguments, "");
  std::ostringstream text;
  if (algorithm.empty()) {
    text << '\n' << all;
    return text.str();
  }
  po::options_description others("Keys of a recipe, for --set key=value");
  for (auto const& option : all.options())
    if (!is_loss_key(option->long_name())) others.add(option);
  AlgorithmSource source{.name = algorithm, .run_keys = {}};
  for (auto const& setting : values_in(arguments, "--set"))
    if (std::ranges::find(trl_choices(), setting.substr(0, setting.find('='))) != trl_choices().end())
      source.settings.push_back(setting);
  if (!is_trl(algorithm)) source.settings.clear();
  text << algorithm_table(source) << '\n' << others;
  return text.str();
}

/// With --algorithm, a key that is one of its numbers is set there; one that belongs to the recipe's own algorithms and
/// not to this is refused.
void divide_settings(TrainFlags& flags) {
  std::vector<std::string> rest, choices;
  std::vector<std::string_view> own;
  auto const key_of = [](std::string const& setting) { return setting.substr(0, setting.find('=')); };
  if (is_trl(flags.algorithm)) {
    own.assign(trl_choices().begin(), trl_choices().end());
    std::ranges::copy_if(flags.sources.settings, std::back_inserter(choices),
                         [&](auto const& setting) { return std::ranges::find(own, key_of(setting)) != own.end(); });
  }
  ObjectiveOptions run;
  auto const algorithm = algorithm_of({.name = flags.algorithm, .settings = choices}, run);
  grove::visit_options(algorithm, [&](grove::Option const& option, auto const&) { own.push_back(option.name); });
  for (auto const& setting : flags.sources.settings) {
    auto const key = key_of(setting);
    bool const is_own = std::ranges::find(own, key) != own.end();
    if (is_loss_key(key) && !is_own)
      throw grove::Error("--set", key + " does nothing in " + flags.algorithm, "keys of that algorithm",
                         "see open_rs train --algorithm " + flags.algorithm + " --help");
    (is_own && key != "max_completion_length" ? flags.algorithm_settings : rest).push_back(setting);
  }
  flags.sources.settings = std::move(rest);
}

}  // namespace

bool parse_train(Arguments const& arguments, std::vector<ExtraReward> const& extras, TrainFlags& flags,
                 Recipe& recipe) {
  std::string names = reward_names();
  for (auto const& extra : extras) names += ", " + extra.name;
  Command command("open_rs train",
                  "Trains a model on the problems of a data set. Rewards for reward_funcs: " + names + ".");
  flags.model.add_to(command.options(), !asks_for_print_only(arguments));
  flags.model.add_cache_to(command.options());
  std::string seed, self_test;
  command.options().add_options()  //
      ("data", po::value(&flags.data)->value_name("FILE"),
       "problems: Parquet, JSON lines, JSON or a folder of shards")                                          //
      ("recipe", po::value(&flags.sources.name)->default_value("exp3"), "exp1, exp2, exp3 or an .ini file")  //
      ("out", po::value(&flags.out)->value_name("DIR"), "run directory (default: a new one under runs/)")    //
      ("steps", po::value(&flags.steps)->value_name("N"), "stop after N steps of the recipe's schedule")     //
      ("algorithm", po::value(&flags.algorithm)->value_name("NAME"),
       "in place of the recipe's loss_type; with --help, lists names and its keys")                //
      ("self-test", po::value(&self_test)->value_name("off|warn|drop"), "as --set self_test=...")  //
      ("trace", po::value(&flags.trace)->value_name("FILE"),
       "write a Chrome trace of phases and micro-batches; implies --profile")  //
      ("profile", po::bool_switch(&flags.profile),
       "tokens a second, shares of the machine and peak memory of each phase in the metrics")  //
      ("seed", po::value(&seed)->value_name("S"), "as --set seed=S")                           //
      ("set", po::value(&flags.sources.settings)->composing()->value_name("KEY=VALUE"),
       "changes a key of the recipe")                                                                                 //
      ("record", po::value(&flags.record)->value_name("DIR"), "write every batch there")                              //
      ("replay", po::value(&flags.replay)->value_name("DIR"), "train on recorded batches instead of sampling")        //
      ("print-recipe", po::bool_switch(&flags.print_recipe), "print every key, its value and where that comes from")  //
      ("dry-run", po::bool_switch(&flags.dry_run),
       "print batches, tokens, schedule, data order and plan; train nothing")            //
      ("json", po::bool_switch(&flags.json), "what these two print as one JSON object")  //
      ("dump-gradients", po::value(&flags.gradients)->value_name("DIR"), "write each update's gradient there");
  flags.resume.add_to(command.options());
  flags.launch.add_to(command.options());
  EvaluationFlags evaluation;
  evaluation.add_to(command.options());
  command.show(keys_for_help(arguments));
  if (!command.parse(arguments)) return false;
  if (!seed.empty()) flags.sources.settings.push_back("seed=" + seed);
  for (auto& setting : flags.launch.settings()) flags.sources.settings.push_back(std::move(setting));
  if (!self_test.empty()) flags.sources.settings.push_back("self_test=" + self_test);
  evaluation.put_into(flags.sources.settings);
  if (flags.json && !flags.print_recipe && !flags.dry_run)
    throw grove::Error("--json", "is for --print-recipe and --dry-run", {},
                       "metrics.jsonl of the run folder has the rest");
  if (flags.data.empty() && flags.replay.empty() && !flags.dry_run && !flags.print_recipe)
    throw grove::Error("open_rs train", "neither --data nor --replay is given", "one of them",
                       "see open_rs train --help");
  if (flags.launch.processes == 0) throw grove::Error("--processes", "is 0", "at least 1");
  if (!flags.algorithm.empty()) divide_settings(flags);
  flags.sources.replays = !flags.replay.empty();
  if (flags.print_recipe) {
    print_recipe(flags.sources, flags.json, std::cout);
    return false;
  }
  recipe = resolve(flags.sources);
  if (!flags.algorithm.empty()) chosen_algorithm(flags, recipe).advantage.check_group(recipe.num_generations);
  if (flags.dry_run) {
    dry_run(flags, recipe, extras, std::cout);
    return false;
  }
  check_placement(flags, recipe);
  check_trace(flags.trace);
  if (flags.model.kv_cache.count > 0 && !flags.replay.empty() && !recipe.evaluation.wanted())
    throw grove::Error("--kv-cache-bytes", "with --replay, which samples nothing", {}, "leave it out");
  if (flags.resume.resume.empty()) flags.resume.resume = recipe.checkpoints.resume_from_checkpoint;
  catch_signals();
  return true;
}

grove::RewardSet rewards_of(Recipe const& recipe, std::vector<ExtraReward> const& extras) {
  grove::RewardSet set;
  auto const names = recipe.reward_names();
  auto const weights = recipe.reward_weight_list();
  for (std::size_t i = 0; i < names.size(); ++i)
    add_reward(set, names[i], weights[i], recipe.rewards, recipe.max_completion_length, extras);
  return set;
}

grove::AnyAlgorithm chosen_algorithm(TrainFlags const& flags, Recipe const& recipe) {
  ObjectiveOptions run;
  return algorithm_of({.name = flags.algorithm,
                       .settings = flags.algorithm_settings,
                       .defaults = {"max_completion_length=" + std::to_string(recipe.max_completion_length)}},
                      run);
}

grove::AnyAlgorithm recipe_algorithm(Recipe const& recipe) {
  std::vector<std::string> choices = {"loss_type=" + recipe.loss_type, "scale_rewards=" + recipe.scale_rewards};
  if (!recipe.importance_sampling_level.empty())
    choices.push_back("importance_sampling_level=" + recipe.importance_sampling_level);
  ObjectiveOptions run;
  return algorithm_of(
      {.name = "trl",
       .settings = choices,
       .defaults = {"beta=" + grove::setting_text(recipe.beta), "epsilon=" + grove::setting_text(recipe.epsilon),
                    "epsilon_high=" +
                        grove::setting_text(recipe.epsilon_high > 0 ? recipe.epsilon_high : recipe.epsilon),
                    "max_completion_length=" + std::to_string(recipe.max_completion_length)}},
      run);
}

grove::AnyCausalLm model_of(TrainFlags const& flags, Recipe const& recipe) {
  auto lm = flags.model.resolved();
  auto const& as_run = recipe.as_run;
  lm.temperature = static_cast<float>(as_run.logprob_temperature > 0 ? as_run.logprob_temperature : recipe.temperature);
  lm.bf16_log_probs = as_run.logprob_rounding == "bf16";
  lm.gradient_checkpointing = recipe.gradient_checkpointing;
  if (flags.model.threads == 0) lm.threads = threads_of_rank();
  return grove::AnyCausalLm::load(flags.model.folder, lm);
}

grove::RewardMatrix RecordedOr::evaluate(grove::TokenTrajectories const& t) const {
  grove::Scorer scorer;
  return evaluate(t, scorer);
}

grove::RewardMatrix RecordedOr::evaluate(grove::TokenTrajectories const& t, grove::Scorer& scorer) const {
  if (t.recorded.samples() == 0) return scorer(rewards, t);
  std::vector<std::string> names;
  std::vector<double> weights;
  for (std::size_t r = 0; r < rewards.size(); ++r) {
    names.push_back(rewards.name(r));
    weights.push_back(rewards.weight(r));
  }
  return t.recorded.weighed_as(std::move(names), std::move(weights));
}

std::vector<grove::Problem> problems_of(TrainFlags const& flags, Recipe const& recipe) {
  return as_conversations(
      grove::data::load_problems(flags.data.string(), {.problem = recipe.data_problem, .gold = recipe.data_gold}),
      recipe.system_prompt);
}

namespace {

grove::AnyTokenRollout unchecked_rollout(TrainFlags const& flags, Recipe const& recipe,
                                         std::vector<ExtraReward> const& extras) {
  if (flags.split && !flags.split->samples()) return grove::RemoteSampler(flags.split, recipe.num_generations);
  auto const share = flags.split ? flags.split->share() : grove::Share{flags.ranks.rank(), flags.ranks.size()};
  auto const sampled_at = static_cast<float>(recipe.temperature);
  bool const two_views = recipe.as_run.has_two_views(recipe.temperature);
  if (!flags.replay.empty())
    return grove::Replay(flags.replay, share, two_views ? std::optional(sampled_at) : std::nullopt);
  auto problems = problems_of(flags, recipe);
  auto const check_count = [&] {
    if (problems.size() < recipe.prompts_per_step())
      throw grove::Error(flags.data.string(), std::to_string(problems.size()) + " problems",
                         "at least the " + std::to_string(recipe.prompts_per_step()) + " prompts of one step",
                         "set a smaller batch");
  };
  check_count();
  auto format = grove::PromptFormat::load(flags.model.folder);
  problems = within_limit(std::move(problems), format, recipe, std::cerr);
  check_count();  // too long ones may have been left out
  problems = self_tested(std::move(problems), rewards_of(recipe, extras), recipe.rewards, std::cerr);
  check_count();  // the self-test may have dropped some
  auto const source = [&]() -> grove::ProblemSource {
    if (!recipe.curriculum.wanted()) return in_order(std::move(problems), recipe);
    return recipe.curriculum.source(std::move(problems), recipe.prompts_per_step(), recipe.seed);
  };
  return grove::GroupSampler(source(), std::move(format),
                             {.problems = recipe.prompts_per_step(),
                              .group = static_cast<std::uint32_t>(recipe.num_generations),
                              .sampling = {recipe.temperature, recipe.top_k, recipe.top_p, recipe.min_p},
                              .max_tokens = recipe.max_completion_length,
                              .views = prompt_views(recipe),
                              .seed = recipe.seed,
                              .batch = flags.model.batch,
                              .kv_cache_bytes = flags.model.kv_cache.count,
                              .share = share});
}

}  // namespace

grove::AnyTokenRollout rollout_of(TrainFlags const& flags, Recipe const& recipe,
                                  std::vector<ExtraReward> const& extras) {
  auto rollout = unchecked_rollout(flags, recipe, extras);
  // Of older weights only those who have them can tell what they gave a token.
  bool const checks_here = recipe.off_policy.one_step_ahead && flags.split && flags.split->samples();
  if (checks_here || recipe.as_run.has_two_views(recipe.temperature))
    rollout.check_by({ratio_check_of(flags), static_cast<float>(recipe.temperature)});
  return rollout;
}

grove::TrainOptions options_of(TrainFlags const& flags, Recipe const& recipe) {
  if (recipe.moment_format() == grove::MomentFormat::Block8 && !recipe.offload_optimizer &&
      flags.model.resolved().device != grove::Device::Cpu)
    throw grove::Error("recipe", "optim is '" + recipe.optim + "' on a CUDA device", "adamw_torch there",
                       "set offload_optimizer=true, leave optim out, or train with --device cpu");
  grove::TrainOptions options{.schedule = schedule_of(recipe),
                              .adamw = recipe.adamw(),
                              .max_grad_norm = recipe.max_grad_norm,
                              .epochs = recipe.num_iterations,
                              .minibatches = recipe.minibatches,
                              .mask_truncated_completions = recipe.mask_truncated_completions,
                              .value_warmup_steps = recipe.value_warmup_steps,
                              .reference = {.offload = recipe.offload_reference},
                              .sharding = {.level = zero_level(recipe.zero)},
                              .scoring = recipe.rewards.scoring(),
                              .seed = recipe.seed};
  options.ratio_check = ratio_check_of(flags);
  recipe.off_policy.put_into(options);
  if (recipe.as_run.has_two_views(recipe.temperature)) {
    // The rollout compares log-probs as it sampled them; that versions agree is still checked here.
    options.ratio_check = {.max_difference = HUGE_VAL};
    options.old_log_probs = grove::OldLogProbs::Recomputed;
  }
  if (!flags.gradients.empty() && flags.ranks.rank() == 0)
    options.on_gradients = grove::dump_gradients_to(flags.gradients);
  return options;
}

RunPlace place_of(TrainFlags const& flags, Recipe const& recipe, std::filesystem::path const& folder,
                  grove::Settings const& training) {
  auto const lm = flags.model.resolved();
  auto settings = recipe.resolved;
  // The algorithm's own numbers stand above a recipe's key of the same name.
  for (auto const& [name, value] : training) {
    auto const at = std::ranges::find(settings, name, &grove::Settings::value_type::first);
    if (at != settings.end())
      at->second = value;
    else
      settings.emplace_back(name, value);
  }
  settings.emplace_back("dtype", lm.dtype == grove::Dtype::BF16 ? "bf16" : "f32");
  settings.emplace_back("device", lm.device == grove::Device::Cpu ? "cpu" : "cuda");
  if (flags.replay.empty()) settings.emplace_back("data", fingerprint_of_data(flags.data));
  return {.folder = folder,
          .model = flags.model.folder,
          .dtype = lm.dtype,
          .resume = flags.resume.resume,
          .allowed = flags.resume.names(),
          .settings = std::move(settings)};
}

grove::Progress progress_on_stderr(std::size_t steps) { return {std::cerr, steps, isatty(STDERR_FILENO) != 0}; }

void announce(TrainFlags const& flags, Recipe const& recipe, std::string const& algorithm) {
  std::cerr << algorithm << '\n'
            << recipe.prompts_per_step() << " problems x " << recipe.num_generations << " completions a step, rewards "
            << recipe.reward_funcs << ", recipe " << flags.sources.name << '\n';
}

}  // namespace open_rs
