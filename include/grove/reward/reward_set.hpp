// SPDX-License-Identifier: Apache-2.0
// Several rewards as one, put together at run time: what a command line or a recipe file builds.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/reward/name.hpp"
#include "grove/reward/reward_list.hpp"
#include "grove/reward/score.hpp"

namespace grove {

/// A list of rewards with weights whose types are forgotten. As in a Sum they stay apart until they are shaped.
class RewardSet {
 public:
  /// Appends a reward under a name. Throws Error where the name is taken or the weight is not finite.
  template <class R>
  void add(std::string name, double weight, R reward) {
    static_assert(Reward<R> || GroupReward<R>,
                  "grove::RewardSet: this is no reward; give it a member "
                  "`std::optional<double> operator()(Problem const&, Completion const&) const`.");
    detail::check_entry("RewardSet", names_, name, weight);
    if constexpr (Reward<R> || GroupReward<R>) rewards_.push_back(std::make_shared<Entry<R>>(std::move(reward)));
    weights_.push_back(weight);
    names_.push_back(std::move(name));
  }

  std::size_t size() const { return names_.size(); }
  std::string const& name(std::size_t i) const { return names_[i]; }
  double weight(std::size_t i) const { return weights_[i]; }
  Judges judges(std::size_t i) const { return rewards_[i]->judges(); }
  Score score(std::size_t i, Problem const& problem, Completion const& completion) const {
    return rewards_[i]->score(problem, completion);
  }
  std::vector<std::optional<double>> score_together(std::size_t i, std::span<Problem const* const> problems,
                                                    std::span<Completion const* const> completions) const {
    return rewards_[i]->score_together(problems, completions);
  }
  /// Whether reward i takes a problem's gold answer for right.
  detail::GoldCheck check_gold(std::size_t i, Problem const& problem) const { return rewards_[i]->check_gold(problem); }

 private:
  /// A reward behind its forgotten type; never changed, so copies of a set share it.
  struct AnyReward {
    AnyReward() = default;
    AnyReward(AnyReward const&) = delete;
    AnyReward& operator=(AnyReward const&) = delete;
    virtual ~AnyReward() = default;
    virtual Judges judges() const = 0;
    virtual Score score(Problem const&, Completion const&) const = 0;
    virtual std::vector<std::optional<double>> score_together(std::span<Problem const* const>,
                                                              std::span<Completion const* const>) const = 0;
    virtual detail::GoldCheck check_gold(Problem const&) const = 0;
  };
  template <class R>
  struct Entry final : AnyReward {
    explicit Entry(R r) : reward(std::move(r)) {}
    Judges judges() const override { return judges_of(reward); }
    Score score(Problem const& problem, Completion const& completion) const override {
      return detail::ListOfOne(reward).score(0, problem, completion);
    }
    std::vector<std::optional<double>> score_together(std::span<Problem const* const> problems,
                                                      std::span<Completion const* const> completions) const override {
      return detail::ListOfOne(reward).score_together(0, problems, completions);
    }
    detail::GoldCheck check_gold(Problem const& problem) const override { return detail::check_gold(reward, problem); }
    R reward;
  };

  std::vector<std::string> names_;
  std::vector<double> weights_;
  std::vector<std::shared_ptr<AnyReward const>> rewards_;
};

}  // namespace grove
