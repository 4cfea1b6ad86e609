// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "grove/advantage/beta_normalized.hpp"
#include "grove/advantage/decoupled_gae.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/advantage/greedy_baseline.hpp"
#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/leave_one_out.hpp"
#include "grove/advantage/length_adaptive_gae.hpp"
#include "grove/advantage/length_weighted_baseline.hpp"
#include "grove/advantage/max_minus_second.hpp"
#include "grove/advantage/mean_relative.hpp"
#include "grove/advantage/optimal_token_baseline.hpp"
#include "grove/advantage/pass_at_k_relative.hpp"
#include "grove/advantage/reward_decoupled.hpp"
#include "grove/advantage/signal_scaled.hpp"
#include "grove/advantage/whitened_group_relative.hpp"
#include "grove/advantage/whitened_return.hpp"

namespace test {

/// f(estimator) for each one in the library.
template <class F>
void for_each_estimator(F const& f) {
  f(grove::GroupRelative<grove::OverGroup>{});
  f(grove::GroupRelative<grove::OverBatch>{});
  f(grove::GroupRelative<grove::Unscaled>{});
  f(grove::LeaveOneOut{});
  f(grove::GreedyBaseline{});
  f(grove::LengthWeightedBaseline{});
  f(grove::OptimalTokenBaseline{});
  f(grove::OptimalTokenBaseline{.leave_one_out = true});
  f(grove::SignalScaled{});
  f(grove::MaxMinusSecond<grove::Unscaled>{});
  f(grove::MaxMinusSecond<grove::OverGroup>{});
  f(grove::PassAtKRelative{.k = 2});
  f(grove::BetaNormalized{});
  f(grove::RewardDecoupled{});
  f(grove::MeanRelative{});
  f(grove::WhitenedReturn{.gamma = 0.9});
  f(grove::WhitenedGroupRelative{});
  f(grove::Gae{.gamma = 0.99});
  f(grove::DecoupledGae{.gamma = 0.99});
  f(grove::LengthAdaptiveGae{.gamma = 0.99});
}

}  // namespace test
