// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/problem.hpp"

namespace grove {

/// A number, or none to decline the sample; and whether it is what it is because no answer could be read. A reward may
/// return one instead of a number: what could not be read is then counted in the metrics.
struct Score : std::optional<double> {
  Score() = default;
  Score(std::nullopt_t) {}                                              // NOLINT(google-explicit-constructor)
  Score(double value) : std::optional<double>(value) {}                 // NOLINT(google-explicit-constructor)
  Score(std::optional<double> value) : std::optional<double>(value) {}  // NOLINT(google-explicit-constructor)

  static Score of_unreadable(std::optional<double> value) {
    Score score(value);
    score.unparsed = true;
    return score;
  }

  bool unparsed = false;
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

/// What a reward takes for a right answer to a problem, where it says so: text for a self-test.
template <class R>
std::optional<std::string> gold_completion_of(R const& reward, Problem const& problem) {
  if constexpr (requires {
                  { reward.gold_completion(problem) } -> std::convertible_to<std::string>;
                })
    return reward.gold_completion(problem);
  else
    return std::nullopt;
}

}  // namespace detail
}  // namespace grove
