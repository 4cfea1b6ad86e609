// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/text.hpp"

namespace grove {

/// The text of the last `<answer>...</answer>`, or none where no pair is complete.
constexpr std::optional<std::string_view> last_answer(std::string_view text, std::string_view open = "<answer>",
                                                      std::string_view close = "</answer>") {
  auto const end_of_last = text.rfind(close);
  if (end_of_last == text.npos) return std::nullopt;
  auto const begin = text.substr(0, end_of_last).rfind(open);
  if (begin == text.npos) return std::nullopt;
  auto const inside = text.substr(begin + open.size());
  return inside.substr(0, inside.find(close));
}

/// 1 where the completion's last answer, without white space around it, is the gold answer letter by letter; else 0,
/// also without an answer. Declines a problem whose gold is empty: there is nothing to compare with.
struct ExactAnswer {
  std::string open = "<answer>";
  std::string close = "</answer>";

  static constexpr std::string_view name = "exact_answer";

  std::optional<double> operator()(Problem const& problem, Completion const& completion) const {
    auto const gold = trimmed(problem.gold);
    if (gold.empty()) return std::nullopt;
    auto const answer = last_answer(completion.text, open, close);
    return answer && trimmed(*answer) == gold ? 1.0 : 0.0;
  }

  /// The gold answer between the tags.
  std::string gold_completion(Problem const& problem) const { return open + problem.gold + close; }
};

}  // namespace grove
