// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/text.hpp"

namespace grove {

/// What stands in the braces of the last complete `\boxed{...}`.
constexpr std::optional<std::string_view> last_boxed(std::string_view text) {
  constexpr std::string_view command = "\\boxed{";
  for (auto at = text.rfind(command); at != text.npos; at = at > 0 ? text.rfind(command, at - 1) : text.npos) {
    auto const inside = text.substr(at + command.size());
    int depth = 1;
    for (std::size_t i = 0; i < inside.size(); ++i) {
      depth += inside[i] == '{';
      depth -= inside[i] == '}';
      if (depth == 0) return inside.substr(0, i);
    }
  }
  return std::nullopt;
}

/// 1 where the last `\boxed{}` of the completion holds the same text as the gold answer (which may be boxed or between
/// dollar signs), white space aside; else 0. No mathematics: 1/2 and 0.5 differ. Declines a problem without a gold.
struct BoxedAnswer {
  static constexpr std::string_view name = "accuracy";

  std::optional<double> operator()(Problem const& problem, Completion const& completion) const {
    auto const gold = plain(last_boxed(problem.gold).value_or(problem.gold));
    if (gold.empty()) return std::nullopt;
    auto const answer = last_boxed(completion.text);
    return answer && plain(*answer) == gold ? 1.0 : 0.0;
  }

  /// The gold answer in a box.
  std::string gold_completion(Problem const& problem) const {
    std::string text = "\\boxed{";
    return text.append(last_boxed(problem.gold).value_or(problem.gold)).append("}");
  }

 private:
  static std::string plain(std::string_view text) {
    std::string result;
    for (char c : trimmed(text))
      if (c != '$' && c != ' ') result += c;
    return result;
  }
};

}  // namespace grove
