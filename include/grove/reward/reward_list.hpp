// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/name.hpp"
#include "grove/reward/score.hpp"

namespace grove {

/// Several rewards as one: `Sum` and `RewardSet` are its models. Entry i judges single samples (`score`) or several
/// together (`score_together`), as `judges(i)` says.
template <class R>
concept RewardList = requires(R const& r, std::size_t i, Problem const& problem, Completion const& completion,
                              std::span<Problem const* const> problems,
                              std::span<Completion const* const> completions) {
  { r.size() } -> std::convertible_to<std::size_t>;
  { r.name(i) } -> std::convertible_to<std::string>;
  { r.weight(i) } -> std::convertible_to<double>;
  { r.judges(i) } -> std::same_as<Judges>;
  { r.score(i, problem, completion) } -> std::same_as<Score>;
  { r.score_together(i, problems, completions) } -> std::same_as<std::vector<std::optional<double>>>;
  { r.check_gold(i, problem) } -> std::same_as<detail::GoldCheck>;
};

namespace detail {

/// A list of one reward, of weight 1.
template <class R>
class ListOfOne {
 public:
  explicit ListOfOne(R const& reward) : reward_(reward) {}

  std::size_t size() const { return 1; }
  std::string name(std::size_t) const { return grove::name_of(reward_); }
  double weight(std::size_t) const { return 1; }
  Judges judges(std::size_t) const { return judges_of(reward_); }
  Score score(std::size_t, Problem const& problem, Completion const& completion) const {
    if constexpr (Reward<R>) return score_of(reward_, problem, completion);
    return {};
  }
  std::vector<std::optional<double>> score_together(std::size_t, std::span<Problem const* const> problems,
                                                    std::span<Completion const* const> completions) const {
    if constexpr (GroupReward<R>) return reward_(problems, completions);
    return {};
  }
  GoldCheck check_gold(std::size_t, Problem const& problem) const {
    return grove::detail::check_gold(reward_, problem);
  }

 private:
  R const& reward_;
};

/// Calls f with a list view of a reward or of a list of rewards.
template <class R, class F>
auto with_list(R const& reward, F const& f) {
  if constexpr (RewardList<R>)
    return f(reward);
  else
    return f(ListOfOne<R>(reward));
}

}  // namespace detail
}  // namespace grove
