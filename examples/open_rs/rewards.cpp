// SPDX-License-Identifier: Apache-2.0
#include "open_rs/rewards.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>
#include <utility>

#include "grove/error.hpp"
#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"
#include "grove/reward/boxed_answer.hpp"
#include "grove/reward/code_format.hpp"
#include "grove/reward/cosine.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/external.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/kimi_length.hpp"
#include "grove/reward/language_consistency.hpp"
#include "grove/reward/length.hpp"
#include "grove/reward/math_answer.hpp"
#include "grove/reward/reasoning_steps.hpp"
#include "grove/reward/regex.hpp"
#include "grove/reward/repetition_penalty.hpp"
#include "grove/reward/soft_overlong_punishment.hpp"
#include "grove/reward/tag_count.hpp"

namespace open_rs {
namespace {

namespace po = boost::program_options;
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
  throw Error("recipe", key + " is '" + word + "'", words);
}

LengthUnit unit_of(std::string const& key, std::string const& word) {
  using Choice = std::pair<std::string_view, LengthUnit>;
  return chosen(key, word,
                std::array{Choice{"tokens", LengthUnit::Token}, Choice{"characters", LengthUnit::Character}});
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
  throw Error("recipe", "verifier is '" + verifier + "'",
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

void add_cosine(RewardSet& set, Context const& c) {
  auto const& k = c.keys;
  with_verifier(k.verifier, [&]<class Correct>(auto const&, Correct const& correct, bool accepts_unread) {
    grove::Cosine<Correct> cosine{.correct = correct,
                                  .wrong_short = k.cosine_min_value_wrong,
                                  .wrong_long = k.cosine_max_value_wrong,
                                  .correct_short = k.cosine_max_value_correct,
                                  .correct_long = k.cosine_min_value_correct,
                                  .max_length = k.cosine_max_len,
                                  .unit = unit_of("cosine_unit", k.cosine_unit),
                                  .clamped = k.cosine_clamp};
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

void add_tag_count(RewardSet& set, Context const& c) {
  using Choice = std::pair<std::string_view, bool>;
  bool const four =
      chosen("tag_count_tags", c.keys.tag_count_tags, std::array{Choice{"open-rs", false}, Choice{"open-r1", true}});
  c.add(set, four ? grove::TagCount::open_r1() : grove::TagCount{});
}

void add_repetition_penalty(RewardSet& set, Context const& c) {
  using Unit = grove::RepetitionPenalty::Unit;
  using Choice = std::pair<std::string_view, Unit>;
  auto const& k = c.keys;
  if (k.repetition_max_penalty > 0)
    throw Error("recipe", "repetition_max_penalty is " + std::to_string(k.repetition_max_penalty), "0 or less");
  if (k.repetition_n_grams == 0) throw Error("recipe", "repetition_n_grams is 0", "at least 1");
  c.add(set, grove::RepetitionPenalty{
                 .n = k.repetition_n_grams,
                 .penalty = k.repetition_max_penalty,
                 .unit = chosen("repetition_unit", k.repetition_unit,
                                std::array{Choice{"words", Unit::Word}, Choice{"tokens", Unit::Token}})});
}

void add_soft_overlong(RewardSet& set, Context const& c) {
  auto const limit = c.keys.max_completion_len > 0 ? c.keys.max_completion_len : c.max_completion_length;
  if (c.keys.soft_punish_cache > limit)
    throw Error("recipe", "soft_punish_cache is " + std::to_string(c.keys.soft_punish_cache),
                "at most max_completion_len, " + std::to_string(limit));
  c.add(set, grove::SoftOverlongPunishment{.max_length = limit, .cache = c.keys.soft_punish_cache});
}

void add_external(RewardSet& set, Context const& c) {
  std::vector<std::string> command;
  std::istringstream words(c.keys.external_command);
  for (std::string word; words >> word;) command.push_back(word);
  if (command.empty()) throw Error("recipe", "external_command is empty", "a program and its arguments");
  c.add(set, grove::ExternalReward({.command = std::move(command),
                                    .processes = c.keys.external_processes,
                                    .deadline = std::chrono::milliseconds(c.keys.external_deadline_ms)}));
}

void add_regex(RewardSet& set, Context const& c) {
  if (c.keys.regex_pattern.empty()) throw Error("recipe", "regex_pattern is empty", "a pattern");
  c.add(set, grove::Regex(c.keys.regex_pattern));
}

struct Known {
  std::string_view name;
  void (*add)(RewardSet&, Context const&);
};

constexpr std::array known = {
    Known{"accuracy", add_accuracy},
    Known{"format", [](RewardSet& s, Context const& c) { c.add(s, grove::OpenRsFormat{}); }},
    Known{"think_answer_format", [](RewardSet& s, Context const& c) { c.add(s, grove::ThinkAnswerFormat{}); }},
    Known{"think_format", [](RewardSet& s, Context const& c) { c.add(s, grove::ThinkFormat{}); }},
    Known{"tag_count", add_tag_count},
    Known{"reasoning_steps", [](RewardSet& s, Context const& c) { c.add(s, grove::ReasoningSteps{}); }},
    Known{"cosine", add_cosine},
    Known{"length", add_length},
    Known{"length_budget",
          [](RewardSet& s, Context const& c) {
            c.add(s, grove::LengthBudget{.budget = c.max_completion_length / 2, .limit = c.max_completion_length});
          }},
    Known{"repetition_penalty", add_repetition_penalty},
    Known{"soft_overlong_punishment", add_soft_overlong},
    Known{"code_format",
          [](RewardSet& s, Context const& c) { c.add(s, grove::CodeFormat{.language = c.keys.code_language}); }},
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
  auto const at = std::ranges::find(known, name, &Known::name);
  if (at == known.end())
    throw Error("reward_funcs", "there is no reward '" + name + "'", reward_names() + " or one that the program adds");
  at->add(set, {name, weight, keys, max_completion_length});
}

void RewardKeys::add_to(po::options_description& options) {
  auto const add = [&](char const* name, auto& value, char const* meaning) {
    options.add_options()(name, po::value(&value)->default_value(value), meaning);
  };
  add("verifier", verifier,
      "what accuracy, cosine and length take for right: strict, compatible, compatible-open-rs, qwen, lighteval or "
      "text");
  add("cosine_min_value_wrong", cosine_min_value_wrong, "of a wrong answer of no length");
  add("cosine_max_value_wrong", cosine_max_value_wrong, "of a wrong answer of full length");
  add("cosine_min_value_correct", cosine_min_value_correct, "of a right answer of full length");
  add("cosine_max_value_correct", cosine_max_value_correct, "of a right answer of no length");
  add("cosine_max_len", cosine_max_len, "full length");
  add("cosine_unit", cosine_unit, "tokens or characters");
  add("cosine_clamp", cosine_clamp, "0: the cosine goes on behind the full length, as in open-rs");
  add("tag_count_tags", tag_count_tags, "open-rs (two tags) or open-r1 (four)");
  add("repetition_n_grams", repetition_n_grams, "n of repetition_penalty");
  add("repetition_max_penalty", repetition_max_penalty, "of a text that repeats itself for ever, 0 or less");
  add("repetition_unit", repetition_unit, "words (open-r1) or tokens (TRL)");
  add("length_unit", length_unit, "of the reward length: tokens or characters");
  add("length_over_batch", length_over_batch, "1: length compares all completions of a batch, as in open-r1");
  add("max_completion_len", max_completion_len, "of soft_overlong_punishment, tokens; 0: max_completion_length");
  add("soft_punish_cache", soft_punish_cache, "tokens before the limit in which the punishment grows");
  add("code_language", code_language, "of the fenced block that code_format looks for");
  add("language_script", language_script, "of language_consistency: latin, cyrillic, han, kana, hangul, ...");
  add("regex_pattern", regex_pattern, "1 where it is found in the completion");
  add("external_command", external_command, "program and arguments, parted by spaces, that judge as reward external");
  add("external_processes", external_processes, "as many of them");
  add("external_deadline_ms", external_deadline_ms, "for one answer of theirs");
}

}  // namespace open_rs
