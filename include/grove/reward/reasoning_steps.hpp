// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/text.hpp"

namespace grove {

/// Signs that a text goes step by step: "Step 3:", a number with a point at its very beginning, lines that begin with
/// - or *, and the words "First,", "Second,", "Next,", "Finally,".
constexpr std::size_t count_reasoning_steps(std::string_view text) {
  constexpr auto digits = [](std::string_view from) {
    return std::min(from.find_first_not_of("0123456789"), from.size());
  };
  std::size_t steps = 0;
  auto const leading = digits(text);
  steps += leading > 0 && leading < text.size() && text[leading] == '.';
  constexpr std::string_view step = "Step ";
  for (auto at = text.find(step); at != text.npos; at = text.find(step, at + step.size())) {
    auto const rest = text.substr(at + step.size());
    auto const number = digits(rest);
    steps += number > 0 && number < rest.size() && rest[number] == ':';
  }
  for (std::string_view const sign : {"\n-", "\n*", "First,", "Second,", "Next,", "Finally,"})
    steps += count_occurrences(text, sign);
  return steps;
}

/// min(1, signs / `enough`): `reasoning_steps_reward` of open-r1 and open-rs, whose pattern looks for a leading number
/// at the beginning of the text only. Digits are ASCII.
struct ReasoningSteps {
  std::size_t enough = 3;  ///< signs for the full score

  static constexpr std::string_view name = "reasoning_steps";

  double operator()(Problem const&, Completion const& completion) const {
    auto const steps = count_reasoning_steps(completion.text);
    return steps >= enough ? 1.0 : static_cast<double>(steps) / static_cast<double>(enough);
  }
};

}  // namespace grove
