// SPDX-License-Identifier: Apache-2.0
// Values measured with the functions of open-rs and open-r1, reward by reward.
#include <string>
#include <tuple>
#include <vector>

#include "grove/reward/code_format.hpp"
#include "grove/reward/cosine.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/kimi_length.hpp"
#include "grove/reward/reasoning_steps.hpp"
#include "grove/reward/repetition_penalty.hpp"
#include "grove/reward/score_batch.hpp"
#include "grove/reward/tag_count.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using test::asks;
using test::says;

namespace {

struct GoldIsYes {
  std::optional<double> operator()(grove::Problem const& problem, grove::Completion const&) const {
    if (problem.gold.empty()) return std::nullopt;
    return problem.gold == "yes" ? 1.0 : 0.0;
  }
};

using Cosine = grove::Cosine<GoldIsYes>;
using Length = grove::KimiLength<GoldIsYes>;

static_assert(grove::Reward<Cosine> && grove::Reward<grove::TagCount> && grove::Reward<grove::ReasoningSteps>);
static_assert(grove::Reward<grove::RepetitionPenalty> && grove::Reward<grove::CodeFormat>);
static_assert(grove::GroupReward<Length> && !grove::Reward<Length>);

double of(auto const& reward, std::string text) { return reward(asks(""), says(std::move(text))); }

}  // namespace

TEST_CASE("open-rs's cosine: characters, unclamped, with the script's values") {
  auto const reward = Cosine::open_rs({}, 3584);
  std::vector<std::tuple<std::size_t, double, double>> const measured = {
      {10, 1.0, 0.0},      {896, 0.9268, -0.0732}, {1792, 0.75, -0.25},      {2688, 0.5732, -0.4268}, {3584, 0.5, -0.5},
      {5376, 0.75, -0.25}, {7168, 1.0, 0.0},       {10000, 0.5524, -0.4476}, {10752, 0.5, -0.5}};
  for (auto const& [characters, right, wrong] : measured) {
    CHECK(reward(asks("yes"), says(std::string(characters, 'x'))).value() == Approx(right).margin(5e-5));
    CHECK(reward(asks("no"), says(std::string(characters, 'x'))).value() == Approx(wrong).margin(5e-5));
  }
  CHECK(Cosine::open_rs()(asks("yes"), says(std::string(3584, 'x'))).value() == Approx(0.8152).margin(5e-5));
  CHECK(Cosine::open_rs()(asks("no"), says(std::string(3584, 'x'))).value() == Approx(-0.1848).margin(5e-5));
  CHECK(reward(asks(""), says(std::string(3584, 'x'))) == 1.0);  // a gold that cannot be read
}

TEST_CASE("open-r1's cosine values") {
  Cosine const reward{.wrong_short = -1.0,
                      .wrong_long = -0.5,
                      .max_length = 100,
                      .unit = grove::LengthUnit::Character,
                      .clamped = false};
  auto const value = [&](char const* gold, std::size_t n) {
    return reward(asks(gold), says(std::string(n, 'x'))).value();
  };
  // The shortest text of open-r1's test is its answer alone, of 22 characters.
  CHECK(value("yes", 22) == Approx(0.943).margin(1e-3));
  CHECK(value("yes", 80) == Approx(0.547).margin(1e-3));
  CHECK(value("no", 22) == Approx(-0.942).margin(1e-3));
  CHECK(value("no", 80) == Approx(-0.547).margin(1e-3));
}

TEST_CASE("by default cosine counts tokens, clamps and declines with its verifier") {
  Cosine const reward{.max_length = 10};
  CHECK(reward(asks("yes"), says(std::string(500, 'x'), 5)).value() == Approx(0.75));
  CHECK(reward(asks("yes"), says("", 10)).value() == Approx(0.5));
  CHECK(reward(asks("yes"), says("", 15)).value() == Approx(0.5));
  CHECK(reward(asks("no"), says("", 0)).value() == Approx(-0.5));
  CHECK(reward(asks(""), says("", 5)) == std::nullopt);
}

TEST_CASE("a character is a code point, not a byte") {
  Cosine const reward{.max_length = 4, .unit = grove::LengthUnit::Character};
  CHECK(reward(asks("yes"), says("\xC3\xA9\xE4\xBD\xA0")).value() == Approx(0.75));  // two characters of five bytes
}

TEST_CASE("tag count") {
  auto const score = [](char const* text) { return of(grove::TagCount{}, text); };
  CHECK(score("a\n</think>\nb") == 0.5);
  CHECK(score("a\n</think>\n\nb") == 0.5);
  CHECK(score("a</think>b") == 0);
  CHECK(score("a\n</think>") == 0);
  CHECK(score("x\n</think>\ny\n</think>\nz") == 0);
  CHECK(score("a\n</think>\n</think>\n") == 0.5);
  CHECK(score("<think>\na\n</think>\nb") == 1);
  CHECK(of(grove::TagCount::open_r1(), "<think>\na\n</think>\n\n<answer>\nb\n</answer>") == 1);
  CHECK(of(grove::TagCount{.tags = {}}, "x") == 0);
}

TEST_CASE("reasoning steps") {
  auto const score = [](char const* text) { return of(grove::ReasoningSteps{}, text); };
  CHECK(score("Step 1: a\nStep 2: b\nStep 3: c") == 1);
  CHECK(score("First, a. Second, b. Finally, c.") == 1);
  CHECK(score("1. a\n2. b\n3. c") == Approx(0.3333).margin(5e-5));
  CHECK(score("- a\n- b\n- c") == Approx(0.6667).margin(5e-5));
  CHECK(score("") == 0);
  CHECK(score("Step : Step 1 Step 2.") == 0);
}

TEST_CASE("repetition penalty") {
  auto const score = [](char const* text) { return of(grove::RepetitionPenalty{}, text); };
  CHECK(score("a b c a b c") == Approx(-0.25));
  CHECK(score("a a a a a") == Approx(-0.6667).margin(5e-5));
  CHECK(score("A a A a") == Approx(-0.5));
  CHECK(score("the cat the cat the cat the cat") == Approx(-0.6667).margin(5e-5));
  CHECK(score("a b c") == 0);
  CHECK(score("a b") == 0);
  CHECK(score("") == 0);
  CHECK_THROWS_AS(of(grove::RepetitionPenalty{.penalty = 0.5}, "a b c"), grove::Error);
  CHECK_THROWS_AS(of(grove::RepetitionPenalty{.n = 0}, "a b c"), grove::Error);
}

TEST_CASE("length over a whole batch, as open-r1 compares") {
  test::Answers answers;
  std::vector<std::pair<std::size_t, char const*>> const given = {
      {10, "yes"}, {20, "yes"}, {10, "no"}, {20, "no"}, {15, "yes"}};
  for (auto const& [length, gold] : given)
    answers.add(asks(gold, answers.problems.size()), says(std::string(length, 'x')));
  for (std::size_t i = 0; i < given.size(); ++i) answers.episodes.group[i] = static_cast<std::uint32_t>(i);
  auto const matrix = grove::score_batch(Length::open_r1(), answers);
  std::vector<double> const measured = {0.5, -0.5, 0, -0.5, 0};
  for (std::size_t i = 0; i < measured.size(); ++i) CHECK(matrix(0, i).value() == Approx(measured[i]).margin(1e-12));
}

TEST_CASE("length within a group declines with its verifier, unless such answers count as right") {
  test::Answers answers;
  answers.add(asks(""), says("", 10));
  answers.add(asks("yes"), says("", 20));
  auto const declined = grove::score_batch(Length{}, answers);
  CHECK(declined(0, 0) == std::nullopt);
  CHECK(declined(0, 1) == -0.5);
  CHECK(grove::score_batch(Length{.unjudged_counts = true}, answers)(0, 0) == 0.5);
}

TEST_CASE("code format") {
  auto const score = [](char const* text) { return of(grove::CodeFormat{}, text); };
  CHECK(score("<think>\na\n</think>\n<answer>\n```python\nx\n```\n</answer>") == 1);
  CHECK(score("<think>\na\n</think>\n<answer>\n```js\nx\n```\n</answer>") == 0);
  CHECK(score("<think>\n\n</think>\n<answer>\n```python```\n</answer>") == 1);
  CHECK(score("<think>\n</think>\n<answer>\n```python```\n</answer>") == 0);
  CHECK(score("x<think>\na\n</think>\n<answer>\n```python\nx\n```\n</answer>") == 0);
  CHECK(score("<think>\na\n</think>\n<answer>\n```python\nx\n</answer>") == 0);
  CHECK(score("<think>\na\n</think>\n<answer>\n```python\nx\n```\n</answer>\nmore") == 1);
  CHECK(score("<think>\na\n</think>\n<answer>\n```python\nx\n```\n</answer>more") == 0);
  CHECK(of(grove::CodeFormat{.language = "js"}, "<think>\na\n</think>\n<answer>\n```js\nx\n```\n</answer>") == 1);
  char const* const prefilled = "a\n</think>\n<answer>\n```python\nx\n```\n</answer>";
  CHECK(score(prefilled) == 0);
  CHECK(of(grove::CodeFormat{.opened_by_prompt = true}, prefilled) == 1);
}

TEST_CASE("TRL's think format") {
  CHECK(of(grove::ThinkFormat{}, "<think>\nThis is my reasoning.\n</think>\nThis is my answer.") == 1);
  CHECK(of(grove::ThinkFormat{}, "<think>\nThis is my reasoning.\nThis is my answer.") == 0);
  CHECK(of(grove::ThinkFormat{}, "<think></think><think>") == 0);
}
