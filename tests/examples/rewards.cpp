// SPDX-License-Identifier: Apache-2.0
// Rewards that a recipe chooses by name, and their keys.
#include "open_rs/rewards.hpp"

#include <sstream>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/reward/score_batch.hpp"
#include "reward/helpers.hpp"
#include "support/catch.hpp"

using open_rs::RewardKeys;
using test::asks;
using test::says;

namespace {

/// The score of a completion for problem "$6$"-like golds under a reward by name.
std::optional<double> score(std::string const& name, std::string gold, grove::Completion completion,
                            RewardKeys const& keys = {}) {
  grove::RewardSet set;
  open_rs::add_reward(set, name, 1.0, keys, 100, {});
  test::Answers answers;
  answers.add(asks(std::move(gold)), std::move(completion));
  return grove::score_batch(set, answers, 1)(0, 0);
}

std::string message_of(std::string const& name, RewardKeys const& keys = {}) {
  try {
    score(name, "1", says("1"), keys);
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("every reward has a name, and its parameters open-rs's keys") {
  CHECK(score("accuracy", "$\\frac{1}{2}$", says("\\boxed{0.5}")) == 1);
  CHECK(score("format", "", says("a\n</think>\nb")) == 1);
  CHECK(score("think_format", "", says("<think>a</think>b")) == 1);
  CHECK(score("think_answer_format", "", says("<think>a</think><answer>b</answer>")) == 1);
  CHECK(score("tag_count", "", says("a\n</think>\nb")) == 0.5);
  CHECK(score("tag_count", "", says("a\n</think>\nb"), {.tag_count_tags = "open-r1"}) == 0.25);
  CHECK(score("reasoning_steps", "", says("First, a. Second, b. Finally, c.")) == 1);
  CHECK(score("repetition_penalty", "", says("a b c a b c")) == -0.25);
  CHECK(score("repetition_penalty", "", says("a b a b"), {.repetition_n_grams = 1, .repetition_max_penalty = -2}) ==
        -1);
  CHECK(score("length", "1", says("\\boxed{1}", 5)) == 0);
  CHECK(score("length_budget", "", says("", 75)) == 0.5);
  CHECK(score("code_format", "", says("<think>\na\n</think>\n<answer>\n```js\nx\n```\n</answer>"),
              {.code_language = "js"}) == 1);
  CHECK(score("soft_overlong_punishment", "", says("", 90), {.soft_punish_cache = 20}) == -0.5);
  CHECK(score("soft_overlong_punishment", "", says("", 90), {.max_completion_len = 80, .soft_punish_cache = 20}) == -1);
  CHECK(score("language_consistency", "", says("\u043e\u0434\u0438\u043d two"), {.language_script = "cyrillic"}) ==
        0.5);
  CHECK(score("exact_answer", "4", says("<answer>4</answer>")) == 1);
  CHECK(score("regex", "", says("so 42"), {.regex_pattern = "\\d+$"}) == 1);
  CHECK(score("external", "", says("x"), {.external_command = "sed -u s/.*/{\"score\":0.5}/"}) == 0.5);
}

TEST_CASE("cosine with open-rs's script values, and as the recipes have it") {
  RewardKeys script{.verifier = "compatible-open-rs",
                    .cosine_min_value_wrong = 0.0,
                    .cosine_max_value_wrong = -0.5,
                    .cosine_max_len = 3584,
                    .cosine_unit = "characters",
                    .cosine_clamp = false};
  auto const wrong = says("\\boxed{2}" + std::string(7168 - 9, ' '));
  CHECK(score("cosine", "$1$", wrong, script).value() == Approx(0.0).margin(1e-9));
  CHECK(score("cosine", "6", wrong, script) == 1.0);    // a gold that cannot be read
  CHECK(score("accuracy", "6", wrong, script) == 1.0);  // likewise
  CHECK(score("cosine", "1", says("\\boxed{1}", 1000)).value() == Approx(0.5));
  CHECK(score("cosine", "1", says("\\boxed{2}", 0)).value() == Approx(-0.5));
  CHECK(score("cosine", "", says("\\boxed{2}", 0)) == std::nullopt);
}

TEST_CASE("the verifier is a choice") {
  for (auto const* verifier : {"strict", "compatible", "compatible-open-rs", "qwen", "lighteval", "text"}) {
    INFO(verifier);
    CHECK(score("accuracy", "$7$", says("so \\boxed{7}"), {.verifier = verifier}) == 1);
    CHECK(score("accuracy", "$7$", says("so \\boxed{8}"), {.verifier = verifier}) == 0);
  }
  CHECK(score("accuracy", "0.5", says("\\boxed{\\frac{1}{2}}"), {.verifier = "text"}) == 0);
}

TEST_CASE("a name or a parameter that does not exist is refused, with those that do") {
  CHECK(message_of("acuracy").find("there is no reward 'acuracy'; expected accuracy, format") != std::string::npos);
  CHECK(message_of("accuracy", {.verifier = "sympy"}).find("strict, compatible") != std::string::npos);
  CHECK(message_of("cosine", {.cosine_unit = "words"}).find("tokens, characters") != std::string::npos);
  CHECK(message_of("language_consistency", {.language_script = "english"}).find("latin") != std::string::npos);
  CHECK(message_of("repetition_penalty", {.repetition_max_penalty = 1}).find("0 or less") != std::string::npos);
  CHECK(message_of("soft_overlong_punishment", {.soft_punish_cache = 101}).find("at most") != std::string::npos);
  CHECK(message_of("regex").find("regex_pattern is empty") != std::string::npos);
  CHECK(message_of("external").find("external_command is empty") != std::string::npos);
}

TEST_CASE("the self-test warns of gold answers that a reward does not take for right, drops them, or stops") {
  std::vector<grove::Problem> problems;
  for (int i = 0; i < 10; ++i)
    problems.push_back(asks(i == 4 ? "$$" : std::string("$").append(std::to_string(i)).append("$"), i));
  auto const run = [&](RewardKeys const& keys, std::string& log) {
    grove::RewardSet set;
    open_rs::add_reward(set, "accuracy", 1.0, keys, 100, {});
    open_rs::add_reward(set, "cosine", 1.0, keys, 100, {});
    std::ostringstream out;
    auto const kept = open_rs::self_tested(problems, set, keys, out);
    log = out.str();
    return kept.size();
  };
  std::string log;
  for (auto const* verifier : {"strict", "compatible", "compatible-open-rs", "lighteval"}) {
    INFO(verifier);
    CHECK(run({.verifier = verifier}, log) == 10);
    CHECK(log.find("1 of 10 gold answers fail") != std::string::npos);
    CHECK(log.find("row 4 (problem 4), accuracy: ") != std::string::npos);
    CHECK(run({.verifier = verifier, .self_test = "drop"}, log) == 9);
    CHECK(run({.verifier = verifier, .self_test = "off"}, log) == 10);
    CHECK(log.empty());
    CHECK_THROWS_AS(run({.verifier = verifier, .self_test_max_error_rate = 0.05}, log), grove::Error);
  }
  CHECK_THROWS_AS(run({.self_test = "maybe"}, log), grove::Error);
  CHECK_THROWS_AS(run({.self_test_max_error_rate = 2}, log), grove::Error);
}
