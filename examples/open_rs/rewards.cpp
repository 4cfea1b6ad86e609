// SPDX-License-Identifier: Apache-2.0
#include "open_rs/rewards.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <utility>

#include "grove/error.hpp"
#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"
#include "grove/reward/boxed_answer.hpp"
#include "grove/reward/code_execution.hpp"
#include "grove/reward/code_format.hpp"
#include "grove/reward/cosine.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/external.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/kimi_length.hpp"
#include "grove/reward/language_consistency.hpp"
#include "grove/reward/length.hpp"
#include "grove/reward/math_answer.hpp"
#include "grove/reward/model_reward.hpp"
#include "grove/reward/reasoning_steps.hpp"
#include "grove/reward/regex.hpp"
#include "grove/reward/repetition_penalty.hpp"
#include "grove/reward/soft_overlong_punishment.hpp"
#include "grove/reward/tag_count.hpp"
#include "grove/text/chat_template.hpp"
#include "grove/text/tokenizer.hpp"

namespace open_rs {
namespace {

using grove::Error;
using grove::LengthUnit;
using grove::MathAnswer;
using grove::RewardSet;
namespace math = grove::math;

/// What a word stands for; throws Error that lists the words.
template <class T, std::size_t N>
T chosen(std::string const& key, std::string const& word,
         std::array<std::pair<std::string_view, T>, N> const& choices) {
  std::string words;
  for (auto const& [name, value] : choices) {
    if (name == word) return value;
    words += (words.empty() ? "" : ", ") + std::string(name);
  }
  throw Error("rewards", key + " is '" + word + "'", words);
}

LengthUnit unit_of(std::string const& key, std::string const& word) {
  using Choice = std::pair<std::string_view, LengthUnit>;
  return chosen(key, word,
                std::array{Choice{"tokens", LengthUnit::Token}, Choice{"characters", LengthUnit::Character},
                           Choice{"chars", LengthUnit::Character}});
}

grove::Script script_named(std::string const& word) {
  using grove::Script;
  using Choice = std::pair<std::string_view, Script>;
  return chosen(
      "language_script", word,
      std::array{Choice{"latin", Script::Latin}, Choice{"greek", Script::Greek}, Choice{"cyrillic", Script::Cyrillic},
                 Choice{"hebrew", Script::Hebrew}, Choice{"arabic", Script::Arabic},
                 Choice{"devanagari", Script::Devanagari}, Choice{"thai", Script::Thai},
                 Choice{"hangul", Script::Hangul}, Choice{"kana", Script::Kana}, Choice{"han", Script::Han}});
}

/// The call of open-rs's length and cosine rewards leaves boxes inside other environments as they are.
math::CompatibleOpenRs without_unboxing() {
  math::CompatibleOpenRs policy;
  policy.answer.targets.latex->normalization.boxed = math::BoxMode::None;
  return policy;
}

/// Calls f with the accuracy, with what cosine and length take for right, and whether both accept every answer to a
/// gold that cannot be read.
template <class F>
void with_verifier(std::string const& verifier, F const& f) {
  auto const same = [&](auto const& reward) { f(reward, reward, false); };
  if (verifier == "strict") return same(MathAnswer<math::Strict>());
  if (verifier == "compatible") return same(MathAnswer<math::Compatible>());
  if (verifier == "qwen") return same(MathAnswer<math::QwenGrader>());
  if (verifier == "lighteval") return same(MathAnswer<math::Lighteval>());
  if (verifier == "text") return same(grove::BoxedAnswer{});
  if (verifier == "compatible-open-rs")
    return f(MathAnswer<math::CompatibleOpenRs>({}, 1.0), MathAnswer<math::CompatibleOpenRs>(without_unboxing()), true);
  throw Error("rewards", "verifier is '" + verifier + "'",
              "strict, compatible, compatible-open-rs, qwen, lighteval or text");
}

struct Context {
  std::string const& name;
  double weight;
  RewardKeys const& keys;
  std::size_t max_completion_length;

  template <class R>
  void add(RewardSet& set, R reward) const {
    set.add(name, weight, std::move(reward));
  }
};

void add_accuracy(RewardSet& set, Context const& c) {
  with_verifier(c.keys.verifier, [&](auto const& accuracy, auto const&, bool) { c.add(set, accuracy); });
}

/// The form that a completion is asked for.
void add_format(RewardSet& set, Context const& c) {
  auto const& form = c.keys.format_form;
  if (form == "open-rs") return c.add(set, grove::OpenRsFormat{});
  if (form == "think-answer") return c.add(set, grove::ThinkAnswerFormat{});
  if (form == "think") return c.add(set, grove::ThinkFormat{});
  // open-r1's own pattern, whose $ stands before any newline.
  if (form == "open-r1")
    return c.add(set, grove::Regex("^<think>\\n.*\\n</think>\\n<answer>\\n.*\\n</answer>(?:\\n|$)", {.dot_all = true}));
  throw Error("rewards", "format_form is '" + form + "'", "open-rs, open-r1, think-answer or think");
}

/// Whether cosine starts from the defaults of open-rs's script instead of its description.
bool as_script(RewardKeys const& keys) {
  using Choice = std::pair<std::string_view, bool>;
  return chosen("cosine_defaults", keys.cosine_defaults,
                std::array{Choice{"described", false}, Choice{"open-rs", true}});
}

LengthUnit cosine_unit(RewardKeys const& keys) {
  return unit_of("cosine_unit", keys.cosine_unit.value_or(as_script(keys) ? "characters" : "tokens"));
}

void add_cosine(RewardSet& set, Context const& c) {
  auto const& k = c.keys;
  bool const script = as_script(k);
  if (k.cosine_max_len == 0) throw Error("rewards", "cosine_max_len is 0", "at least 1");
  with_verifier(k.verifier, [&]<class Correct>(auto const&, Correct const& correct, bool accepts_unread) {
    grove::Cosine<Correct> cosine{.correct = correct,
                                  .wrong_short = k.cosine_min_value_wrong.value_or(script ? 0.0 : -0.5),
                                  .wrong_long = k.cosine_max_value_wrong.value_or(script ? -0.5 : 0.0),
                                  .correct_short = k.cosine_max_value_correct.value_or(1.0),
                                  .correct_long = k.cosine_min_value_correct.value_or(0.5),
                                  .max_length = k.cosine_max_len,
                                  .unit = cosine_unit(k),
                                  .clamped = k.cosine_clamp.value_or(!script)};
    if (accepts_unread) cosine.unjudged = 1.0;
    c.add(set, std::move(cosine));
  });
}

void add_length(RewardSet& set, Context const& c) {
  with_verifier(c.keys.verifier, [&]<class Correct>(auto const&, Correct const& correct, bool accepts_unread) {
    c.add(set, grove::KimiLength<Correct>{.correct = correct,
                                          .unit = unit_of("length_unit", c.keys.length_unit),
                                          .over_batch = c.keys.length_over_batch,
                                          .unjudged_counts = accepts_unread});
  });
}

void add_length_budget(RewardSet& set, Context const& c) {
  auto const limit = c.keys.length_budget_limit > 0 ? c.keys.length_budget_limit : c.max_completion_length;
  auto const budget = c.keys.length_budget_tokens > 0 ? c.keys.length_budget_tokens : limit / 2;
  c.add(set, grove::LengthBudget{.budget = budget, .limit = limit});
}

void add_tag_count(RewardSet& set, Context const& c) {
  using Choice = std::pair<std::string_view, bool>;
  bool const four =
      chosen("tag_count_tags", c.keys.tag_count_tags, std::array{Choice{"open-rs", false}, Choice{"open-r1", true}});
  c.add(set, four ? grove::TagCount::open_r1() : grove::TagCount{});
}

using RepetitionUnit = grove::RepetitionPenalty::Unit;

RepetitionUnit repetition_unit(RewardKeys const& keys) {
  using Choice = std::pair<std::string_view, RepetitionUnit>;
  return chosen("repetition_unit", keys.repetition_unit,
                std::array{Choice{"words", RepetitionUnit::Word}, Choice{"tokens", RepetitionUnit::Token}});
}

void add_repetition_penalty(RewardSet& set, Context const& c) {
  auto const& k = c.keys;
  if (k.repetition_max_penalty > 0)
    throw Error("rewards", "repetition_max_penalty is " + std::to_string(k.repetition_max_penalty), "0 or less");
  if (k.repetition_n_grams == 0) throw Error("rewards", "repetition_n_grams is 0", "at least 1");
  c.add(set, grove::RepetitionPenalty{
                 .n = k.repetition_n_grams, .penalty = k.repetition_max_penalty, .unit = repetition_unit(k)});
}

void add_soft_overlong(RewardSet& set, Context const& c) {
  auto const limit = c.keys.max_completion_len > 0 ? c.keys.max_completion_len : c.max_completion_length;
  if (c.keys.soft_punish_cache > limit)
    throw Error("rewards", "soft_punish_cache is " + std::to_string(c.keys.soft_punish_cache),
                "at most max_completion_len, " + std::to_string(limit));
  c.add(set, grove::SoftOverlongPunishment{.max_length = limit, .cache = c.keys.soft_punish_cache});
}

std::vector<std::string> words_of(std::string const& text) {
  std::vector<std::string> all;
  std::istringstream words(text);
  for (std::string word; words >> word;) all.push_back(word);
  return all;
}

void add_code(RewardSet& set, Context const& c) {
  auto const& k = c.keys;
  if (!k.code_run_allow)
    throw Error("rewards", "the reward code would run what the model writes", "consent", "--set code_run_allow=1");
  c.add(set, grove::CodeExecution({.allowed = true,
                                   .python = words_of(k.code_run_python),
                                   .tests = k.code_run_tests,
                                   .all_or_nothing = k.code_run_all_or_nothing,
                                   .processes = k.code_run_processes,
                                   .limits = {.deadline = std::chrono::milliseconds(k.code_run_deadline_ms),
                                              .memory = k.code_run_memory_mb << 20U}}));
}

/// The conversation with the completion as its last turn, in the reward model's own words.
grove::ConversationTokens conversation_of(std::filesystem::path const& folder) {
  return [tokenizer = grove::text::Tokenizer::load(folder), words = grove::text::ChatTemplate::load(folder)](
             grove::Problem const& problem, grove::Completion const& completion) {
    auto messages = problem.messages;
    if (messages.empty()) messages.push_back({"user", problem.prompt});
    messages.push_back({"assistant", completion.text});
    return tokenizer.encode(words.render(messages, {.add_generation_prompt = false}));
  };
}

void add_reward_model(RewardSet& set, Context const& c) {
  std::filesystem::path const folder = c.keys.reward_model_folder;
  if (folder.empty()) throw Error("rewards", "reward_model_folder is empty", "a folder");
  c.add(set, grove::ModelReward(grove::SequenceClassifier::load(folder), conversation_of(folder)));
}

void add_external(RewardSet& set, Context const& c) {
  auto command = words_of(c.keys.external_command);
  if (command.empty()) throw Error("rewards", "external_command is empty", "a program and its arguments");
  c.add(set, grove::ExternalReward({.command = std::move(command),
                                    .processes = c.keys.external_processes,
                                    .deadline = std::chrono::milliseconds(c.keys.external_deadline_ms)}));
}

void add_regex(RewardSet& set, Context const& c) {
  if (c.keys.regex_pattern.empty()) throw Error("rewards", "regex_pattern is empty", "a pattern");
  auto const& k = c.keys;
  c.add(set, grove::Regex(
                 k.regex_pattern,
                 {.ignore_case = k.regex_ignore_case, .multi_line = k.regex_multi_line, .dot_all = k.regex_dot_all}));
}

/// Short names for rewards.
std::string_view full_name(std::string_view name) {
  using Alias = std::pair<std::string_view, std::string_view>;
  constexpr std::array aliases = {Alias{"soft_overlong", "soft_overlong_punishment"}, Alias{"kimi_length", "length"},
                                  Alias{"think_answer", "think_answer_format"},
                                  Alias{"repetition", "repetition_penalty"}};
  auto const at = std::ranges::find(aliases, name, &Alias::first);
  return at == aliases.end() ? name : at->second;
}

struct Known {
  std::string_view name;
  void (*add)(RewardSet&, Context const&);
};

constexpr std::array known = {
    Known{"accuracy", add_accuracy},
    Known{"format", add_format},
    Known{"think_answer_format", [](RewardSet& s, Context const& c) { c.add(s, grove::ThinkAnswerFormat{}); }},
    Known{"think_format", [](RewardSet& s, Context const& c) { c.add(s, grove::ThinkFormat{}); }},
    Known{"tag_count", add_tag_count},
    Known{"reasoning_steps", [](RewardSet& s, Context const& c) { c.add(s, grove::ReasoningSteps{}); }},
    Known{"cosine", add_cosine},
    Known{"length", add_length},
    Known{"length_budget", add_length_budget},
    Known{"repetition_penalty", add_repetition_penalty},
    Known{"soft_overlong_punishment", add_soft_overlong},
    Known{"code_format",
          [](RewardSet& s, Context const& c) { c.add(s, grove::CodeFormat{.language = c.keys.code_language}); }},
    Known{"code", add_code},
    Known{"reward_model", add_reward_model},
    Known{"language_consistency",
          [](RewardSet& s, Context const& c) {
            c.add(s, grove::LanguageConsistency{.target = script_named(c.keys.language_script)});
          }},
    Known{"exact_answer", [](RewardSet& s, Context const& c) { c.add(s, grove::ExactAnswer{}); }},
    Known{"regex", add_regex},
    Known{"external", add_external},
};

}  // namespace

std::string reward_names() {
  std::string names;
  for (auto const& one : known) names += (names.empty() ? "" : ", ") + std::string(one.name);
  return names;
}

void add_reward(RewardSet& set, std::string const& name, double weight, RewardKeys const& keys,
                std::size_t max_completion_length, std::vector<ExtraReward> const& extras) {
  if (auto const extra = std::ranges::find(extras, name, &ExtraReward::name); extra != extras.end())
    return extra->add(set, weight);
  auto const at = std::ranges::find(known, full_name(name), &Known::name);
  if (at == known.end())
    throw Error("reward_funcs", "there is no reward '" + name + "'", reward_names() + " or one that the program adds");
  at->add(set, {name, weight, keys, max_completion_length});
}

TokensRead tokens_read_by(std::string const& reward, RewardKeys const& keys) {
  auto const name = full_name(reward);
  auto const counts = [](LengthUnit unit) { return unit == LengthUnit::Token ? TokensRead::Number : TokensRead::None; };
  if (name == "cosine") return counts(cosine_unit(keys));
  if (name == "length") return counts(unit_of("length_unit", keys.length_unit));
  if (name == "length_budget" || name == "soft_overlong_punishment") return TokensRead::Number;
  if (name == "repetition_penalty" && repetition_unit(keys) == RepetitionUnit::Token) return TokensRead::Ids;
  return TokensRead::None;
}

bool reads_columns(std::string const& reward) {
  bool const is_ours = std::ranges::find(known, full_name(reward), &Known::name) != known.end();
  return reward == "code" || reward == "reward_model" || reward == "external" || !is_ours;
}

Explainer explainer_of(std::string const& reward, RewardKeys const& keys) {
  Explainer explainer;
  auto const name = full_name(reward);
  if (name != "accuracy" && name != "cosine" && name != "length") return explainer;
  with_verifier(keys.verifier, [&](auto const& accuracy, auto const& correct, bool) {
    auto const take = [&](auto const& judge) {
      if constexpr (requires(grove::Problem const& p, grove::Completion const& c) { judge.explain(p, c); })
        explainer = [judge](grove::Problem const& p, grove::Completion const& c) { return judge.explain(p, c); };
    };
    if (name == "accuracy")
      take(accuracy);
    else
      take(correct);
  });
  return explainer;
}

}  // namespace open_rs
