// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/reward/score.hpp"
#include "grove/reward/sum.hpp"

namespace grove {

/// A reward whose scores are moved into [low, high].
template <class R>
class Clamp {
  static_assert(!detail::is_weighted<R>,
                "grove::Clamp: a weight inside a clamp is not used; put weighted(w, Clamp{...}) into a Sum.");
  static_assert(Reward<R> || detail::is_weighted<R>,
                "grove::Clamp: this is no reward of single samples; give it a member "
                "`std::optional<double> operator()(Problem const&, Completion const&) const`.");

 public:
  static constexpr std::string_view name = "clamp";

  /// Throws Error unless low <= high.
  Clamp(R reward, double low, double high) : reward_(std::move(reward)), low_(low), high_(high) {
    if (!(low <= high))
      throw Error("Clamp", "from " + std::to_string(low) + " to " + std::to_string(high), "low <= high");
  }

  Score operator()(Problem const& problem, Completion const& completion) const {
    auto score = detail::score_of(reward_, problem, completion);
    if (score) *score = std::clamp(*score, low_, high_);
    score.tokens.clear();  // the limits are those of the whole
    return score;
  }

 private:
  R reward_;
  double low_, high_;
};

}  // namespace grove
