// SPDX-License-Identifier: Apache-2.0
// Several rewards as one, put together at run time: what a command line or a recipe file builds.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/reward/name.hpp"

namespace grove {

/// A list of rewards with weights whose types are forgotten. As in a Sum they stay apart until they are shaped.
class RewardSet {
 public:
  /// Appends a reward under a name. Throws Error where the name is taken or the weight is not finite.
  template <class R>
  void add(std::string name, double weight, R reward) {
    static_assert(Reward<R>,
                  "grove::RewardSet: this is no reward; give it a member "
                  "`std::optional<double> operator()(Problem const&, Completion const&) const`.");
    detail::check_entry("RewardSet", names_, name, weight);
    if constexpr (Reward<R>)
      scores_.emplace_back(
          [reward = std::move(reward)](Problem const& problem, Completion const& completion) -> std::optional<double> {
            return reward(problem, completion);
          });
    weights_.push_back(weight);
    names_.push_back(std::move(name));
  }

  std::size_t size() const { return names_.size(); }
  std::string const& name(std::size_t i) const { return names_[i]; }
  double weight(std::size_t i) const { return weights_[i]; }
  std::optional<double> score(std::size_t i, Problem const& problem, Completion const& completion) const {
    return scores_[i](problem, completion);
  }

 private:
  std::vector<std::string> names_;
  std::vector<double> weights_;
  std::vector<std::function<std::optional<double>(Problem const&, Completion const&)>> scores_;
};

}  // namespace grove
