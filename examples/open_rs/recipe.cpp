// SPDX-License-Identifier: Apache-2.0
#include "open_rs/recipe.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <numeric>
#include <sstream>

#include "grove/error.hpp"
#include "open_rs/command_line.hpp"

namespace open_rs {
namespace {

namespace po = boost::program_options;

/// Changes of one character that lead from one word to the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (char const letter : a) {
    auto diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      auto const replaced = diagonal + (letter != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string nearest(std::string const& key, po::options_description const& options) {
  std::string best;
  for (auto const& option : options.options())
    if (best.empty() || distance(key, option->long_name()) < distance(key, best)) best = option->long_name();
  return best;
}

/// One key=value each; the first source of a key wins.
void take(std::string const& key, std::string const& value, std::string const& where,
          po::options_description const& options, po::variables_map& values) {
  if (options.find_nothrow(key, false) == nullptr && !effect_of_original_key(key, value, where).empty()) return;
  if (options.find_nothrow(key, false) == nullptr)
    throw grove::Error(where, "there is no key '" + key + "'", {}, "did you mean '" + nearest(key, options) + "'?");
  po::parsed_options parsed(&options);
  parsed.options.emplace_back(key, std::vector{value});
  refuse_negative_counts(parsed, where + ": ");
  try {
    po::store(parsed, values);
  } catch (po::error const& e) {
    throw grove::Error(where, key + " = " + value, "a value of another kind", e.what());
  }
}

std::filesystem::path file_of(std::string const& name) {
  std::filesystem::path given(name), shipped = std::filesystem::path(OPEN_RS_RECIPES) / (name + ".ini");
  if (std::filesystem::exists(shipped)) return shipped;
  if (std::filesystem::is_regular_file(given)) return given;
  std::string known;
  for (auto const& entry : std::filesystem::directory_iterator(OPEN_RS_RECIPES))
    known += (known.empty() ? "" : ", ") + entry.path().stem().string();
  throw grove::Error("--recipe", "there is no recipe '" + name + "'", known + ", or a path to an .ini file");
}

void take_file(std::string const& name, po::options_description const& options, po::variables_map& values) {
  auto const path = file_of(name);
  std::ifstream in(path);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    auto const where = path.string() + ":" + std::to_string(number);
    if (line.empty() || line[0] == '#') continue;
    auto const equals = line.find(" = ");
    if (equals == line.npos)
      throw grove::Error(where, "'" + line + "'", "key = value, or a comment that begins with #");
    take(line.substr(0, equals), line.substr(equals + 3), where, options, values);
  }
}

void require(bool holds, std::string const& key, double value, std::string const& range) {
  if (holds) return;
  std::ostringstream text;
  text << value;
  throw grove::Error("recipe", key + " is " + text.str(), range);
}

/// The original's loss is one: a token mean of clipped ratios and k3. Its mean over a micro-batch is only one thing
/// where micro-batches are whole groups.
void check_original_loss(Recipe const& r) {
  bool const by_rank = r.as_run.loss_scope == "rank_micro_batch";
  if (!by_rank && r.as_run.logprob_rounding != "bf16") return;
  auto const refuse = [&](std::string const& problem, std::string const& expected) {
    throw grove::Error("recipe",
                       problem + " with " + (by_rank ? "loss_scope = rank_micro_batch" : "logprob_rounding = bf16"),
                       expected);
  };
  if (r.loss_type != "dapo") refuse("loss_type is '" + r.loss_type + "'", "dapo, a token mean");
  if (r.scale_rewards != "group") refuse("scale_rewards is '" + r.scale_rewards + "'", "group");
  if (!r.importance_sampling_level.empty() && r.importance_sampling_level != "token")
    refuse("importance_sampling_level is '" + r.importance_sampling_level + "'", "token");
  if (r.lora.use_peft) refuse("use_peft is true", "false: all weights are trained");
  if (!by_rank) return;
  if (r.tokens_per_micro_batch > 0)
    refuse("tokens_per_micro_batch is " + std::to_string(r.tokens_per_micro_batch),
           "0: micro-batches of per_device_train_batch_size completions, since the loss depends on the split");
  if (r.per_device_train_batch_size % r.num_generations != 0)
    refuse("per_device_train_batch_size is " + std::to_string(r.per_device_train_batch_size),
           "a multiple of num_generations, " + std::to_string(r.num_generations) + ": whole groups");
}

void check(Recipe const& r, bool replays) {
  require(r.num_generations >= 2, "num_generations", static_cast<double>(r.num_generations),
          "at least 2: a group is compared with itself");
  auto const completions = r.per_device_train_batch_size * r.gradient_accumulation_steps * r.num_processes;
  require(completions > 0 && completions % r.num_generations == 0, "num_generations",
          static_cast<double>(r.num_generations),
          "a divisor of the " + std::to_string(completions) + " completions of a step");
  require(r.max_completion_length > 0, "max_completion_length", 0, "at least 1");
  require(r.temperature > 0, "temperature", r.temperature, "a positive number");
  require(r.epsilon >= 0 && r.epsilon < 1, "epsilon", r.epsilon, "from 0 to less than 1");
  require(r.epsilon_high >= 0, "epsilon_high", r.epsilon_high, "0 (as epsilon) or more");
  require(r.beta >= 0, "beta", r.beta, "0 or more");
  require(r.learning_rate >= 0, "learning_rate", r.learning_rate, "0 or more");
  require(r.critic_learning_rate >= 0, "critic_learning_rate", r.critic_learning_rate, "0 (as learning_rate) or more");
  require(r.warmup_ratio >= 0 && r.warmup_ratio <= 1, "warmup_ratio", r.warmup_ratio, "from 0 to 1");
  r.as_run.check();
  r.off_policy.check(r.as_run.placement, r.as_run.has_two_views(r.temperature), replays);
  r.curriculum.check(r.reward_names(), r.as_run.data_order);
  r.evaluation.check(r.checkpoints.metric_for_best_model, r.checkpoints.save_best, r.checkpoints.save_steps);
  static_cast<void>(r.guards.guards());
  r.lora.check();
  check_original_loss(r);
  static_cast<void>(r.moment_format());
  require(r.num_iterations > 0, "num_iterations", 0, "at least 1");
  require(r.zero <= 2, "zero", static_cast<double>(r.zero), "0, 1 or 2");
  require(r.minibatches > 0, "minibatches", 0, "at least 1");
  if (r.reward_names().size() != r.reward_weight_list().size())
    throw grove::Error("recipe",
                       "reward_funcs names " + std::to_string(r.reward_names().size()) +
                           " rewards, reward_weights has " + std::to_string(r.reward_weight_list().size()) + " numbers",
                       "one weight a reward");
}

/// Keys that say where and how often something is written, or how fast rewards are computed.
bool changes_results(std::string const& key) {
  CheckpointKeys keys;
  po::options_description saving;
  keys.add_to(saving);
  EvaluationKeys{}.add_to(saving);
  GuardKeys{}.add_to(saving);
  constexpr std::array others = {
      "external_processes", "data.rows",        "zero", "placement", "gradient_checkpointing",
      "offload_optimizer",  "offload_reference"};
  return saving.find_nothrow(key, false) == nullptr && std::ranges::find(others, key) == others.end();
}

std::string text_of(boost::any const& value) {
  if (auto const* text = boost::any_cast<std::string>(&value)) return *text;
  if (auto const* flag = boost::any_cast<bool>(&value)) return *flag ? "true" : "false";
  if (auto const* number = boost::any_cast<double>(&value)) return grove::setting_text(*number);
  if (auto const* number = boost::any_cast<std::uint32_t>(&value)) return std::to_string(*number);
  return std::to_string(boost::any_cast<std::size_t>(value));
}

grove::Settings settings_in(po::variables_map const& values, po::options_description const& options) {
  grove::Settings settings;
  for (auto const& option : options.options())
    if (auto const& name = option->long_name(); changes_results(name))
      settings.emplace_back(name, text_of(values[name].value()));
  return settings;
}

}  // namespace

std::filesystem::path recipe_file(std::string const& name) { return file_of(name); }

std::size_t Recipe::prompts_per_step() const {
  return per_device_train_batch_size * gradient_accumulation_steps * num_processes / num_generations;
}

grove::MomentFormat Recipe::moment_format() const {
  if (optim == "adamw_torch") return grove::MomentFormat::Full;
  if (optim == "adamw_8bit" || optim == "adamw_bnb_8bit") return grove::MomentFormat::Block8;
  throw grove::Error("recipe", "optim is '" + optim + "'", "adamw_torch or adamw_8bit");
}

grove::AdamWOptions Recipe::adamw() const {
  return {.beta1 = adam_beta1,
          .beta2 = adam_beta2,
          .eps = adam_epsilon,
          .weight_decay = weight_decay,
          .moments = moment_format(),
          .place = offload_optimizer ? grove::MomentPlace::Host : grove::MomentPlace::WithParameter};
}

std::vector<std::string> Recipe::reward_names() const { return comma_list(reward_funcs); }

std::vector<double> Recipe::reward_weight_list() const {
  if (reward_weights.empty()) return std::vector<double>(reward_names().size(), 1.0);
  std::vector<double> weights;
  for (auto const& part : comma_list(reward_weights)) {
    std::size_t used = 0;
    double weight = 0;
    try {
      weight = std::stod(part, &used);
    } catch (std::exception const&) {
    }
    if (used != part.size())
      throw grove::Error("recipe", "reward_weights holds '" + part + "'", "numbers with commas between");
    weights.push_back(weight);
  }
  return weights;
}

po::options_description recipe_options(Recipe& r) {
  po::options_description o("Keys of a recipe, for --set key=value");
  o.add_options()  //
      ("system_prompt", po::value(&r.system_prompt)->default_value(""),
       "first message of each conversation; empty: none")                                       //
      ("data.problem", po::value(&r.data_problem)->default_value(""), "column of the problem")  //
      ("data.gold", po::value(&r.data_gold)->default_value(""), "column of the gold answer")    //
      ("data.rows", po::value(&r.data_rows)->default_value(0),
       "rows of the data set as published, for --dry-run without --data")  //
      ("max_prompt_length", po::value(&r.max_prompt_length)->default_value(512),
       "tokens; see prompt_over_limit")                                                                            //
      ("num_generations", po::value(&r.num_generations)->default_value(8), "G, completions of each problem")       //
      ("max_completion_length", po::value(&r.max_completion_length)->default_value(512), "tokens")                 //
      ("temperature", po::value(&r.temperature)->default_value(1.0), "of sampling, and of the trained log-probs")  //
      ("top_p", po::value(&r.top_p)->default_value(1.0), "nucleus sampling")                                       //
      ("top_k", po::value(&r.top_k)->default_value(0), "0: all tokens")                                            //
      ("min_p", po::value(&r.min_p)->default_value(0.0), "0: off")                                                 //
      ("per_device_train_batch_size", po::value(&r.per_device_train_batch_size)->default_value(8),
       "completions of one process and accumulation step")  //
      ("gradient_accumulation_steps", po::value(&r.gradient_accumulation_steps)->default_value(1),
       "accumulation steps of an optimizer step")  //
      ("num_processes", po::value(&r.num_processes)->default_value(1),
       "training processes that the batch size is meant for; fixes the batch, not the launch")          //
      ("num_iterations", po::value(&r.num_iterations)->default_value(1), "mu, passes over each batch")  //
      ("minibatches", po::value(&r.minibatches)->default_value(1), "optimizer steps in each pass")      //
      ("tokens_per_micro_batch", po::value(&r.tokens_per_micro_batch)->default_value(0),
       "completion tokens whose forward and backward run together; 0: 8192")  //
      ("gradient_checkpointing", po::value(&r.gradient_checkpointing)->default_value(false),
       "of each layer only the input is kept and the rest computed again on the way back: less memory, more time, the "
       "same numbers; on CUDA always so")                                                                          //
      ("reward_funcs", po::value(&r.reward_funcs)->default_value("format,accuracy"), "names with commas between")  //
      ("reward_weights", po::value(&r.reward_weights)->default_value(""), "one number each; empty: all 1")         //
      ("loss_type", po::value(&r.loss_type)->default_value("dapo"),
       "dapo (token mean) or grpo (mean of sequence means), over the whole step; or bnpo, dr_grpo, cispo, sapo, luspo, "
       "vespo as TRL has them")  //
      ("scale_rewards", po::value(&r.scale_rewards)->default_value("group"),
       "whose standard deviation divides advantages: group, batch or none")  //
      ("importance_sampling_level", po::value(&r.importance_sampling_level)->default_value(""),
       "token or sequence (GSPO); empty: as the loss has it")  //
      ("beta", po::value(&r.beta)->default_value(0.04),
       "coefficient of the KL to the start model; 0: no reference model")                                  //
      ("epsilon", po::value(&r.epsilon)->default_value(0.2), "clip range")                                 //
      ("epsilon_high", po::value(&r.epsilon_high)->default_value(0.0), "upper clip range; 0: as epsilon")  //
      ("mask_truncated_completions", po::value(&r.mask_truncated_completions)->default_value(false),
       "truncated completions give no gradient")  //
      ("critic", po::value(&r.critic)->default_value("separate"),
       "values of a model of its own (separate) or of a head on the policy (shared)")  //
      ("critic_learning_rate", po::value(&r.critic_learning_rate)->default_value(0.0),
       "peak, of the critic; 0: as learning_rate")  //
      ("value_warmup_steps", po::value(&r.value_warmup_steps)->default_value(0),
       "steps in which only the critic learns")                                    //
      ("learning_rate", po::value(&r.learning_rate)->default_value(1e-6), "peak")  //
      ("lr_scheduler_type", po::value(&r.lr_scheduler_type)->default_value("cosine_with_min_lr"),
       "constant, linear, cosine or cosine_with_min_lr")  //
      ("min_lr_rate", po::value(&r.min_lr_rate)->default_value(0.1),
       "of the peak, at the end of cosine_with_min_lr")                                                    //
      ("warmup_ratio", po::value(&r.warmup_ratio)->default_value(0.1), "share of max_steps")               //
      ("max_steps", po::value(&r.max_steps)->default_value(500), "length of the schedule and of the run")  //
      ("max_grad_norm", po::value(&r.max_grad_norm)->default_value(1.0), "0: no clipping")                 //
      ("optim", po::value(&r.optim)->default_value("adamw_torch"),
       "adamw_torch, or adamw_8bit: its moments in 8 bits, a quarter of the memory; results differ")  //
      ("adam_beta1", po::value(&r.adam_beta1)->default_value(0.9), "")                                //
      ("adam_beta2", po::value(&r.adam_beta2)->default_value(0.999), "")                              //
      ("adam_epsilon", po::value(&r.adam_epsilon)->default_value(1e-8), "")                           //
      ("weight_decay", po::value(&r.weight_decay)->default_value(0.0), "")                            //
      ("zero", po::value(&r.zero)->default_value(0),
       "what processes divide: 0 nothing, 1 optimizer state, 2 gradients, too; results are the same")  //
      ("offload_optimizer", po::value(&r.offload_optimizer)->default_value(false),
       "the host keeps masters and moments of a CUDA device's weights and computes their update: less of the device's "
       "memory, more time; adamw_8bit there needs it. With --device cpu it is so anyhow")  //
      ("offload_reference", po::value(&r.offload_reference)->default_value(false),
       "the reference's weights lie with the host but while a CUDA device scores with them: less of its memory, the "
       "same numbers. With --device cpu it is so anyhow")  //
      ("seed", po::value(&r.seed)->default_value(42), "of data order, samples and shuffles");
  r.checkpoints.add_to(o);
  r.curriculum.add_to(o);
  r.evaluation.add_to(o);
  r.guards.add_to(o);
  r.as_run.add_to(o);
  r.off_policy.add_to(o);
  r.lora.add_to(o);
  r.rewards.add_to(o);
  return o;
}

Recipe resolve(RecipeSources const& sources) {
  Recipe recipe;
  auto const options = recipe_options(recipe);
  po::variables_map values;
  // Of a key given twice the last one counts.
  std::vector<std::string> const latest_first(sources.settings.rbegin(), sources.settings.rend());
  for (auto const& setting : latest_first) {
    auto const equals = setting.find('=');
    if (equals == setting.npos) throw grove::Error("--set", "'" + setting + "'", "key=value");
    take(setting.substr(0, equals), setting.substr(equals + 1), "--set", options, values);
  }
  take_file(sources.name, options, values);
  po::store(po::parsed_options(&options), values);
  po::notify(values);
  check(recipe, sources.replays);
  recipe.resolved = settings_in(values, options);
  return recipe;
}

}  // namespace open_rs
