// SPDX-License-Identifier: Apache-2.0
#include "open_rs/recipe_original.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "grove/error.hpp"
#include "grove/rollout/remote_sampler.hpp"

namespace open_rs {
namespace {

namespace po = boost::program_options;
using grove::Error;

/// A key of the original's YAML that a recipe does not have. `value` is the one that is accepted: "*" any, "" none.
struct OriginalKey {
  std::string_view name, value, reason;
};

constexpr std::array keys{
    OriginalKey{"model_name_or_path", "", "the model's folder is given by --model"},
    OriginalKey{"model_revision", "", "the folder of --model holds one revision; choose it when downloading"},
    OriginalKey{"torch_dtype", "", "the type of the parameters is given by --dtype"},
    OriginalKey{"bf16", "", "the type of the parameters is given by --dtype bf16"},
    OriginalKey{"attn_implementation", "*", "there is one attention, over packed sequences"},
    OriginalKey{"dataset_name", "", "the data is given by --data, as files"},
    OriginalKey{"dataset_config", "", "the data is given by --data, as files"},
    OriginalKey{"dataset_train_split", "", "the data is given by --data, as files"},
    OriginalKey{"dataset_test_split", "*", "no split is held out; --eval-data names test sets"},
    OriginalKey{"remove_unused_columns", "false", "every column reaches the rewards"},
    OriginalKey{"dataset_prompt_column", "", "the column is named by data.problem"},
    OriginalKey{"chat_template", "", "the template is that of the model's folder"},
    OriginalKey{"num_train_epochs", "*", "max_steps ends a run, as it did in the original"},
    OriginalKey{"per_device_eval_batch_size", "*", "evaluations choose their own batch"},
    OriginalKey{"gradient_checkpointing_kwargs", "*", "there is one way to compute layers again; no result changes"},
    OriginalKey{"lr_scheduler_kwargs", "", "its one number is a key of its own: min_lr_rate"},
    OriginalKey{"warmup_steps", "", "the warm-up is a share of max_steps: warmup_ratio"},
    OriginalKey{"sync_ref_model", "false", "the reference is the initial policy for the whole run"},
    OriginalKey{"ref_model_mixup_alpha", "*", "it has an effect beside sync_ref_model alone"},
    OriginalKey{"ref_model_sync_steps", "*", "it has an effect beside sync_ref_model alone"},
    OriginalKey{"use_vllm", "*", "sampler and trainer share one set of weights"},
    OriginalKey{"vllm_device", "*", "sampler and trainer share one set of weights; see placement"},
    OriginalKey{"vllm_enforce_eager", "*", "the original ignored it as well"},
    OriginalKey{"vllm_gpu_memory_utilization", "*", "caches take what the completions need"},
    OriginalKey{"vllm_max_model_len", "*", "max_prompt_length and max_completion_length are the limits"},
    OriginalKey{"vllm_dtype", "*", "sampler and trainer share one set of weights"},
    OriginalKey{"vllm_enable_prefix_caching", "*", "no cached prefix outlives an update"},
    OriginalKey{"ds3_gather_for_generation", "*", "sampler and trainer share one set of weights"},
    OriginalKey{"do_eval", "false", "evaluate with open_rs evaluate"},
    OriginalKey{"eval_strategy", "no", "evaluate with open_rs evaluate"},
    OriginalKey{"push_to_hub", "false", "nothing is sent anywhere; the run folder's final/ can be pushed by hand"},
    OriginalKey{"hub_strategy", "*", "nothing is sent anywhere"},
    OriginalKey{"hub_model_id", "*", "nothing is sent anywhere"},
    OriginalKey{"save_strategy", "steps", "save_steps says how often"},
    OriginalKey{"output_dir", "", "the run folder is given by --out"},
    OriginalKey{"overwrite_output_dir", "", "a run folder is named anew by --out"},
    OriginalKey{"logging_strategy", "steps", "every step is logged"},
    OriginalKey{"logging_steps", "1", "every step is logged"},
    OriginalKey{"logging_first_step", "true", "every step is logged"},
    OriginalKey{"log_level", "*", "progress goes to stderr"},
    OriginalKey{"log_completions", "true", "completions.jsonl holds every completion"},
    OriginalKey{"report_to", "*", "metrics.jsonl and a TensorBoard event file are always written"},
    OriginalKey{"wandb_entity", "*", "nothing is sent anywhere"},
    OriginalKey{"wandb_project", "*", "nothing is sent anywhere"},
};

void one_of(std::string_view key, std::string const& value, std::initializer_list<std::string_view> words) {
  if (std::ranges::find(words, std::string_view(value)) != words.end()) return;
  std::string list;
  for (auto const word : words) list.append(list.empty() ? "" : ", ").append(word);
  throw Error("recipe", std::string(key) + " is '" + value + "'", list);
}

}  // namespace

void AsRunKeys::add_to(po::options_description& options) {
  options.add_options()  //
      ("logprob_temperature", po::value(&logprob_temperature)->default_value(0.0),
       "divides the logits of the trained log-probs; 0: as temperature (the original: 1)")  //
      ("loss_scope", po::value(&loss_scope)->default_value("step"),
       "step, or rank_micro_batch: token mean of each rank's micro-batch, then averaged (the original)")  //
      ("logprob_rounding", po::value(&logprob_rounding)->default_value("f32"),
       "f32, or bf16: logits, log-softmax and KL in bf16 (the original)")  //
      ("rollout_bos", po::value(&rollout_bos)->default_value("once"),
       "once, or twice: a second BOS in the sampler's prompts only (the original)")  //
      ("prompt_over_limit", po::value(&prompt_over_limit)->default_value("drop"),
       "drop (and count), error, or left: cut on the training side only (the original)")  //
      ("data_order", po::value(&data_order)->default_value("grove"),
       "grove: reshuffled each epoch; torch: torch.randperm of the seed (the original)")  //
      ("placement", po::value(&placement)->default_value("colocated"),
       "colocated, or split:K: K of the processes only sample (the original: split:1)");
}

void AsRunKeys::check() const {
  if (logprob_temperature < 0) throw Error("recipe", "logprob_temperature is negative", "0 (as temperature) or more");
  one_of("loss_scope", loss_scope, {"step", "rank_micro_batch"});
  one_of("logprob_rounding", logprob_rounding, {"f32", "bf16"});
  one_of("rollout_bos", rollout_bos, {"once", "twice"});
  one_of("prompt_over_limit", prompt_over_limit, {"drop", "error", "left"});
  one_of("data_order", data_order, {"grove", "torch"});
  static_cast<void>(grove::Placement::parse(placement));
}

bool AsRunKeys::has_two_views(double sampling_temperature) const {
  return (logprob_temperature > 0 && logprob_temperature != sampling_temperature) || logprob_rounding == "bf16" ||
         rollout_bos == "twice" || prompt_over_limit == "left";
}

std::string_view effect_of_original_key(std::string const& key, std::string const& value, std::string const& where) {
  auto const at = std::ranges::find(keys, std::string_view(key), &OriginalKey::name);
  if (at == keys.end()) return {};
  if (at->value == "*" || (!at->value.empty() && at->value == value)) return at->reason;
  if (at->value.empty())
    throw Error(where, key + " of the original is no key of a recipe", {}, std::string(at->reason));
  throw Error(where, key + " = " + value, std::string(at->value), std::string(at->reason));
}

}  // namespace open_rs
