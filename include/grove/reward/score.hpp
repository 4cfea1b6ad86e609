// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/problem.hpp"

namespace grove {

/// A number, or one a token, or none to decline the sample; and whether it is what it is because no answer could be
/// read. A reward may return one instead of a number: what could not be read is then counted in the metrics, and what
/// single tokens earn reaches estimators with a sense of time, such as Gae. Others take the sum.
struct Score : std::optional<double> {
  Score() = default;
  Score(std::nullopt_t) {}                                              // NOLINT(google-explicit-constructor)
  Score(double value) : std::optional<double>(value) {}                 // NOLINT(google-explicit-constructor)
  Score(std::optional<double> value) : std::optional<double>(value) {}  // NOLINT(google-explicit-constructor)

  /// One number a token of the completion; the score is their sum.
  static Score of_tokens(std::vector<double> tokens) {
    Score score(std::accumulate(tokens.begin(), tokens.end(), 0.0));
    score.tokens = std::move(tokens);
    return score;
  }
  static Score of_unreadable(std::optional<double> value) {
    Score score(value);
    score.unparsed = true;
    return score;
  }

  bool unparsed = false;
  std::vector<double> tokens{};  ///< [tokens] where it is earned; empty: all of it at the last token
};

/// Judges completions together: those of one group, or of the whole batch where it has a member `over_batch` that is
/// true. One entry a completion, in their order. Const, because it runs on many threads.
template <class R>
concept GroupReward = requires(R const& r, std::span<Problem const* const> problems,
                               std::span<Completion const* const> completions) {
  { r(problems, completions) } -> std::same_as<std::vector<std::optional<double>>>;
};

/// How many completions a reward wants to see at once.
enum class Judges : std::uint8_t { Sample, Group, Batch };

template <class R>
  requires(Reward<R> || GroupReward<R>)
Judges judges_of(R const& reward) {
  if constexpr (Reward<R>)
    return Judges::Sample;
  else if constexpr (requires { reward.over_batch; })
    return reward.over_batch ? Judges::Batch : Judges::Group;
  else
    return Judges::Group;
}

namespace detail {

template <Reward R>
Score score_of(R const& reward, Problem const& problem, Completion const& completion) {
  if constexpr (std::same_as<decltype(reward(problem, completion)), Score>)
    return reward(problem, completion);
  else
    return Score(std::optional<double>(reward(problem, completion)));
}

/// Whether a reward takes a problem's own gold answer for right.
struct GoldCheck {
  bool asked = false;   ///< false: the reward does not say what it takes for right
  std::string fault{};  ///< empty: it does
};

/// Asks a reward for the fault it finds in a gold answer (`gold_fault(problem)`), or for a right answer to score
/// (`gold_completion(problem)`); a reward of right answers (a member `correct`) and Named
/// pass the question on.
template <class R>
GoldCheck check_gold(R const& reward, Problem const& problem) {
  if constexpr (requires {
                  { reward.gold_fault(problem) } -> std::convertible_to<std::string>;
                }) {
    return {true, reward.gold_fault(problem)};
  } else if constexpr (Reward<R> && requires {
                         { reward.gold_completion(problem) } -> std::convertible_to<std::string>;
                       }) {
    auto const score = score_of(reward, problem, Completion{.text = reward.gold_completion(problem)});
    if (!score) return {true, "the gold answer cannot be judged"};
    if (*score < 1) return {true, "the gold answer scores " + std::to_string(*score) + " against itself"};
    return {true, {}};
  } else if constexpr (requires { reward.correct; }) {
    return check_gold(reward.correct, problem);
  } else if constexpr (requires { reward.named(); }) {
    return check_gold(reward.named(), problem);
  } else {
    return {};
  }
}

}  // namespace detail
}  // namespace grove
