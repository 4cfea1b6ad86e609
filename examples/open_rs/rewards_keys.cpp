// SPDX-License-Identifier: Apache-2.0
// The parameters of the rewards as options: under the script's names, and as a reward's own keys.
#include <algorithm>
#include <array>
#include <boost/lexical_cast/try_lexical_convert.hpp>
#include <chrono>
#include <cmath>
#include <concepts>
#include <sstream>
#include <type_traits>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "open_rs/rewards.hpp"

namespace open_rs {
namespace {

namespace po = boost::program_options;
using Words = std::pair<std::string_view, std::string_view>;

/// What the keys of a reward begin with.
constexpr std::array prefixes = {Words{"format", "format_"},
                                 Words{"cosine", "cosine_"},
                                 Words{"length_budget", "length_budget_"},
                                 Words{"length", "length_"},
                                 Words{"tag_count", "tag_count_"},
                                 Words{"repetition_penalty", "repetition_"},
                                 Words{"repetition", "repetition_"},
                                 Words{"code", "code_run_"},
                                 Words{"code_format", "code_"},
                                 Words{"language_consistency", "language_"},
                                 Words{"regex", "regex_"},
                                 Words{"reward_model", "reward_model_"},
                                 Words{"external", "external_"}};

/// Keys that do not begin with their reward's name, as the script spells them.
constexpr std::array whole_names = {Words{"soft_overlong_punishment", "max_completion_len"},
                                    Words{"soft_overlong_punishment", "soft_punish_cache"},
                                    Words{"soft_overlong", "max_completion_len"},
                                    Words{"soft_overlong", "soft_punish_cache"}, Words{"accuracy", "verifier"}};

/// Other spellings of keys, from the functions of open-r1 and TRL.
constexpr std::array spellings = {Words{"ngram_size", "n_grams"}, Words{"max_length", "max_len"},
                                  Words{"max_completion_length", "max_completion_len"},
                                  Words{"cache", "soft_punish_cache"}};

bool belongs(std::string_view reward, std::string_view name) {
  if (std::ranges::find(whole_names, Words{reward, name}) != whole_names.end()) return true;
  auto const owner = std::ranges::find_if(prefixes, [&](Words const& one) { return name.starts_with(one.second); });
  auto const own = std::ranges::find(prefixes, reward, &Words::first);
  return owner != prefixes.end() && own != prefixes.end() && owner->second == own->second;
}

std::string_view prefix_of(std::string_view reward) {
  auto const at = std::ranges::find(prefixes, reward, &Words::first);
  return at == prefixes.end() ? std::string_view() : at->second;
}

void require_finite(char const* name, double value) {
  if (!std::isfinite(value))
    throw grove::Error("rewards", std::string(name) + " = " + std::to_string(value), "a finite number");
}

/// A value out of its text; none where that is empty.
template <class T>
std::optional<T> parsed(char const* name, std::string const& text) {
  T value{};
  if (text.empty()) return std::nullopt;
  if constexpr (std::same_as<T, std::string>) return text;
  if (!boost::conversion::try_lexical_convert(text, value))
    throw grove::Error("rewards", std::string(name) + " = " + text, std::same_as<T, bool> ? "0 or 1" : "a number");
  if constexpr (std::floating_point<T>) require_finite(name, value);
  return value;
}

}  // namespace

std::string key_of_reward(std::string const& reward, std::string const& key) {
  RewardKeys unused;
  po::options_description options;
  unused.add_to(options);
  auto const other = std::ranges::find(spellings, key, &Words::first);
  std::string const prefix(prefix_of(reward));
  for (std::string const& spelled : {key, other == spellings.end() ? key : std::string(other->second)})
    for (std::string const& whole : {prefix + spelled, spelled})
      if (belongs(reward, whole) && options.find_nothrow(whole, false) != nullptr) return whole;
  std::string keys;
  for (auto const& option : options.options())
    if (belongs(reward, option->long_name()))
      keys += (keys.empty() ? "" : ", ") +
              option->long_name().substr(option->long_name().starts_with(prefix) ? prefix.size() : 0);
  throw grove::Error("--set", "the reward " + reward + " has no key '" + key + "'", keys.empty() ? "none" : keys);
}

std::string reward_key_table() {
  RewardKeys defaults;
  po::options_description options;
  defaults.add_to(options);
  std::ostringstream text;
  text << "\nKeys of the rewards, for --set NAME.key=value (key names of the script and of TRL are taken too):\n";
  for (auto const& option : options.options()) {
    auto const& name = option->long_name();
    auto const exact = std::ranges::find(whole_names, name, &Words::second);
    auto const owner = std::ranges::find_if(prefixes, [&](Words const& one) { return name.starts_with(one.second); });
    bool const of_all = exact == whole_names.end() && owner == prefixes.end();
    if (of_all || name == "verifier") continue;
    std::string shown = exact != whole_names.end()
                            ? std::string(exact->first) + "." + name
                            : std::string(owner->first) + "." + name.substr(owner->second.size());
    auto const value = option->format_parameter();  // "arg (=1000)"
    if (auto const at = value.find('('); at != value.npos && value != "arg (=)") shown.append(" ").append(value, at);
    text << "  " << shown << std::string(shown.size() < 46 ? 46 - shown.size() : 1, ' ') << option->description()
         << '\n';
  }
  return text.str();
}

void RewardKeys::add_to(po::options_description& options) {
  auto const add = [&](char const* name, auto& value, char const* meaning) {
    auto* const semantic = po::value(&value)->default_value(value);
    if constexpr (std::same_as<std::remove_reference_t<decltype(value)>, double>)
      semantic->notifier([name](double given) { require_finite(name, given); });
    options.add_options()(name, semantic, meaning);
  };
  // Text, because every option of a recipe has a value; empty: as cosine_defaults says.
  auto const add_free = [&]<class T>(char const* name, std::optional<T>& value, char const* meaning) {
    auto const take = [&value, name](std::string const& given) { value = parsed<T>(name, given); };
    options.add_options()(name, po::value<std::string>()->default_value("")->notifier(take), meaning);
  };
  add("verifier", verifier,
      "what accuracy, cosine and length take for right: strict, compatible, compatible-open-rs, qwen, lighteval or "
      "text");
  add("self_test", self_test,
      "of each reward on the data set's own gold answers before training: off, warn, or drop (the rows that fail)");
  add("self_test_max_error_rate", self_test_max_error_rate, "share of rows; where more fail the run does not start");
  add("reward_deadline_ms", reward_deadline_ms,
      "of one call of a reward; a later one counts as slow and the fallback is its score; 0: none");
  add_free("reward_fallback", reward_fallback, "score where a reward was late or threw; empty: it declines");
  add("reward_max_error_rate", reward_max_error_rate,
      "share of a batch in which a reward may throw; beyond it the run stops with the cause");
  add("format_form", format_form, "open-rs (the closing tag once), open-r1, think-answer or think (TRL)");
  add("cosine_defaults", cosine_defaults,
      "described, or open-rs: its script's, a short wrong answer at 0 and a long one at -0.5, characters, no clamp");
  add_free("cosine_min_value_wrong", cosine_min_value_wrong, "of a wrong answer of no length (-0.5)");
  add_free("cosine_max_value_wrong", cosine_max_value_wrong, "of a wrong answer of full length (0)");
  add_free("cosine_min_value_correct", cosine_min_value_correct, "of a right answer of full length (0.5)");
  add_free("cosine_max_value_correct", cosine_max_value_correct, "of a right answer of no length (1)");
  add("cosine_max_len", cosine_max_len, "full length");
  add_free("cosine_unit", cosine_unit, "tokens (the default) or characters");
  add_free("cosine_clamp", cosine_clamp, "0: the cosine goes on behind the full length, as in open-rs (1)");
  add("tag_count_tags", tag_count_tags, "open-rs (two tags) or open-r1 (four)");
  add("repetition_n_grams", repetition_n_grams, "n of repetition_penalty");
  add("repetition_max_penalty", repetition_max_penalty, "of a text that repeats itself for ever, 0 or less");
  add("repetition_unit", repetition_unit, "words (open-r1) or tokens (TRL)");
  add("length_unit", length_unit, "of the reward length: tokens or characters");
  add("length_over_batch", length_over_batch, "1: length compares all completions of a batch, as in open-r1");
  add("length_budget_tokens", length_budget_tokens, "full reward up to here; 0: half the limit");
  add("length_budget_limit", length_budget_limit, "no reward from here; 0: max_completion_length");
  add("max_completion_len", max_completion_len, "of soft_overlong_punishment, tokens; 0: max_completion_length");
  add("soft_punish_cache", soft_punish_cache, "tokens before the limit in which the punishment grows");
  add("code_language", code_language, "of the fenced block that code_format looks for");
  add("code_run_allow", code_run_allow, "1: run the model's code, in a sandbox; the reward code does nothing without");
  add("code_run_all_or_nothing", code_run_all_or_nothing, "1: 1 where all tests pass, else 0 (binary_code)");
  add("code_run_tests", code_run_tests, "column of the tests: Python, or a JSON list of it or of {input, output}");
  add("code_run_python", code_run_python, "program and arguments, parted by spaces");
  add("code_run_processes", code_run_processes, "tests at once");
  add("code_run_deadline_ms", code_run_deadline_ms, "of a test");
  add("code_run_memory_mb", code_run_memory_mb, "of a test, MiB");
  add("reward_model_folder", reward_model_folder,
      "Hugging Face folder of a *ForSequenceClassification with tokenizer and chat template, on the CPU");
  add("language_script", language_script, "of language_consistency: latin, cyrillic, han, kana, hangul, ...");
  add("regex_pattern", regex_pattern, "1 where it is found in the completion");
  add("regex_ignore_case", regex_ignore_case, "1: of ASCII letters");
  add("regex_multi_line", regex_multi_line, "1: ^ and $ match at every line");
  add("regex_dot_all", regex_dot_all, "1: . matches a newline too");
  add("external_command", external_command, "program and arguments, parted by spaces, that judge as reward external");
  add("external_processes", external_processes, "as many of them");
  add("external_deadline_ms", external_deadline_ms, "for one answer of theirs");
}

grove::ScoringOptions RewardKeys::scoring() const {
  if (!(reward_max_error_rate >= 0 && reward_max_error_rate <= 1))
    throw grove::Error("reward_max_error_rate", std::to_string(reward_max_error_rate), "from 0 to 1");
  if (reward_fallback && !std::isfinite(*reward_fallback))
    throw grove::Error("reward_fallback", std::to_string(*reward_fallback), "a finite number");
  return {.max_error_rate = reward_max_error_rate,
          .deadline = std::chrono::milliseconds(reward_deadline_ms),
          .fallback = reward_fallback};
}

}  // namespace open_rs
