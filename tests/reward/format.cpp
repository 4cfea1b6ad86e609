// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/format.hpp"

#include <string>

#include "grove/concepts.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using test::asks;
using test::says;

static_assert(grove::Reward<grove::OpenRsFormat>);
static_assert(grove::Reward<grove::ThinkAnswerFormat>);

TEST_CASE("open-rs's format asks for exactly one closing tag on its own line") {
  auto const score = [](std::string text) { return grove::OpenRsFormat{}(asks(""), says(std::move(text))); };
  // Values measured with the original's function.
  CHECK(score("a\n</think>\nb") == 1);
  CHECK(score("a\n</think>\n\nb") == 1);
  CHECK(score("a</think>b") == 0);
  CHECK(score("a\n</think>") == 0);
  CHECK(score("x\n</think>\ny\n</think>\nz") == 0);
  CHECK(score("a\n</think>\n</think>\n") == 1);  // the second overlaps with the first
  CHECK(score("<think>\na\n</think>\nb") == 1);
  CHECK(score("") == 0);
}

TEST_CASE("the tag of open-rs's format is an option") {
  CHECK(grove::OpenRsFormat{.close = "</done>"}(asks(""), says("a</done>b")) == 1);
  CHECK(grove::OpenRsFormat{.close = "</done>"}(asks(""), says("a\n</think>\nb")) == 0);
}

TEST_CASE("think and answer each stand once, in order, with only white space around them") {
  auto const score = [](std::string text) { return grove::ThinkAnswerFormat{}(asks(""), says(std::move(text))); };
  CHECK(score("<think>a</think><answer>b</answer>") == 1);
  CHECK(score(" \n<think>\na\n</think>\n\n<answer>\nb\n</answer>\n") == 1);
  CHECK(score("<think></think><answer></answer>") == 1);
  CHECK(score("") == 0);
  CHECK(score("a</think><answer>b</answer>") == 0);
  CHECK(score("<think>a</think><answer>b") == 0);
  CHECK(score("<think>a</think>b") == 0);
  CHECK(score("x<think>a</think><answer>b</answer>") == 0);
  CHECK(score("<think>a</think>x<answer>b</answer>") == 0);
  CHECK(score("<think>a</think><answer>b</answer>x") == 0);
  CHECK(score("<answer>b</answer><think>a</think>") == 0);
  CHECK(score("</think><think>a<answer>b</answer>") == 0);
  CHECK(score("<think>a</think></answer>b<answer>") == 0);
  CHECK(score("<think><think>a</think><answer>b</answer>") == 0);
  CHECK(score("<think>a</think></think><answer>b</answer>") == 0);
  CHECK(score("<think>a</think><answer>b</answer><answer>c</answer>") == 0);
}

TEST_CASE("where the prompt opens the thinking, the completion must not") {
  auto const score = [](std::string text) {
    return grove::ThinkAnswerFormat{.opened_by_prompt = true}(asks(""), says(std::move(text)));
  };
  CHECK(score("a</think><answer>b</answer>") == 1);
  CHECK(score("<think>a</think><answer>b</answer>") == 0);
  CHECK(score("a</think>x<answer>b</answer>") == 0);
}
