// SPDX-License-Identifier: Apache-2.0
// The rewards that a recipe or a command line chooses by name, and their parameters under the names of open-rs's YAML,
// open-r1 and TRL.
#pragma once

#include <boost/program_options.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "grove/reward/math_answer.hpp"
#include "grove/reward/reward_set.hpp"
#include "grove/reward/scoring_options.hpp"

namespace open_rs {

/// Adds a reward of the user's own to a set, under the weight that the recipe gives it.
struct ExtraReward {
  std::string name{};
  std::function<void(grove::RewardSet&, double weight)> add{};
};

/// Parameters of the rewards by name; `add_to` gives them their defaults.
struct RewardKeys {
  std::string verifier = "strict";
  std::string self_test = "warn";
  double self_test_max_error_rate = 0.2;
  std::size_t reward_deadline_ms = 0;
  std::optional<double> reward_fallback{};
  double reward_max_error_rate = 0;
  std::string format_form = "open-rs";
  std::string cosine_defaults = "described";
  std::optional<double> cosine_min_value_wrong{}, cosine_max_value_wrong{}, cosine_min_value_correct{},
      cosine_max_value_correct{};
  std::size_t cosine_max_len = 1000;
  std::optional<std::string> cosine_unit{};
  std::optional<bool> cosine_clamp{};
  std::string tag_count_tags = "open-rs";
  std::size_t repetition_n_grams = 3;
  double repetition_max_penalty = -1.0;
  std::string repetition_unit = "words";
  std::string length_unit = "tokens";
  bool length_over_batch = false;
  std::size_t length_budget_tokens = 0, length_budget_limit = 0;
  std::size_t max_completion_len = 0, soft_punish_cache = 4096;
  std::string code_language = "python";
  bool code_run_allow = false, code_run_all_or_nothing = false;
  std::string code_run_python = "/usr/bin/python3 -I -B", code_run_tests = "tests";
  std::size_t code_run_processes = 4, code_run_deadline_ms = 5000, code_run_memory_mb = 512;
  std::string reward_model_folder{};
  std::string language_script = "latin";
  std::string regex_pattern{};
  bool regex_ignore_case = false, regex_multi_line = false, regex_dot_all = false;
  std::string external_command{};
  std::size_t external_processes = 1, external_deadline_ms = 10'000;

  /// Every key with its default and meaning; values land here.
  void add_to(boost::program_options::options_description& options);

  /// How all rewards are called. Throws grove::Error for an error rate outside [0, 1].
  grove::ScoringOptions scoring() const;
};

/// The names that `add_reward` knows, with commas between.
std::string reward_names();

/// The key of the table above that a reward's own key stands for: cosine's "max_len" is "cosine_max_len"; the whole
/// name and TRL's spellings are taken too. Throws grove::Error that lists the reward's keys.
std::string key_of_reward(std::string const& reward, std::string const& key);

/// The rewards that have keys, and their keys as `--set NAME.key=value`, for a help text.
std::string reward_key_table();

/// The problems to train on after the self-test that the keys ask for; what it finds goes to `log`. Throws grove::Error
/// with the cause where too many rows fail.
std::vector<grove::Problem> self_tested(std::vector<grove::Problem> problems, grove::RewardSet const& rewards,
                                        RewardKeys const& keys, std::ostream& log);

/// What a reward reads of a completion's tokens.
enum class TokensRead : std::uint8_t { None, Number, Ids };
TokensRead tokens_read_by(std::string const& reward, RewardKeys const& keys);

/// Whether a reward reads columns of a problem beside its gold answer.
bool reads_columns(std::string const& reward);

/// How a reward that judges mathematics came to its verdict; empty for other rewards.
using Explainer = std::function<grove::MathExplanation(grove::Problem const&, grove::Completion const&)>;
Explainer explainer_of(std::string const& reward, RewardKeys const& keys);

/// Adds the reward called `name` to the set. `max_completion_length` is the run's, in tokens. Throws grove::Error for a
/// name or a parameter that does not exist.
void add_reward(grove::RewardSet& set, std::string const& name, double weight, RewardKeys const& keys,
                std::size_t max_completion_length, std::vector<ExtraReward> const& extras);

}  // namespace open_rs
