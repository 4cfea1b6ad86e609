// SPDX-License-Identifier: Apache-2.0
// Supervised warm-up as one more composition of the same trainer: demonstrations stand for rollouts, nothing is judged,
// and the loss is the negative log-likelihood of the demonstrated tokens.
#pragma once

#include <concepts>
#include <string>

#include "grove/advantage/estimate.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/nll.hpp"
#include "grove/objective/terms.hpp"
#include "grove/reward_matrix.hpp"
#include "grove/trainer.hpp"

namespace grove {

/// For objectives that read no advantage.
struct NoAdvantage {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = false;
  static std::string describe() { return "NoAdvantage"; }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const&, EstimatorOutput<T>) const {}
};

/// No reward is computed; every sequence counts.
struct NoReward {
  template <class T>
  RewardMatrix evaluate(T const& trajectories) const {
    return RewardMatrix({}, {}, trajectories.episodes.sequences());
  }
};

/// Next-token training on the tokens of `Demonstrations`: a rollout whose completions were written, not sampled. Turn
/// the ratio check off with it (`ratio_check.stop = false`), since nobody sampled them.
using Supervised = Algorithm<NoAdvantage, Terms<TokenMean<Window>, NegativeLogLikelihood>>;

}  // namespace grove
