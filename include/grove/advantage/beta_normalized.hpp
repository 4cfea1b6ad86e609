// SPDX-License-Identifier: Apache-2.0
// BNPO's advantage: the distance to the group's mean, divided by the density of a Beta distribution at that mean,
//   A_i = (R_i - p) / Beta(p; 1 + a / 3, 1 + b / 3),   p = mean_group(R)   (arXiv 2506.02864)
// repeated on each token of completion i; (a, b) are the moments' fit of a Beta distribution to the p of all groups of
// the batch, on all ranks. Flat density is REINFORCE with the group's mean, Beta(1.5, 1.5) about GRPO. Made for rewards
// of 0 and 1; others are mapped there from [min_reward, max_reward].
//
// As in the authors' code, exponents are at least 0 (parameters at least 1), the weight is at most `max_weight`, and
// the variance of p has ddof 1; where there are no two different p to fit, the density is flat. What TRL calls `bnpo`
// is not this but a token mean of the loss over one micro-batch.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

#include "grove/advantage/batch_moments.hpp"
#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"
#include "grove/error.hpp"
#include "grove/option.hpp"

namespace grove {

namespace detail {

/// ln Gamma(x) for x >= 1, within 1e-14 relative to max(1, |ln Gamma|). std::lgamma writes a global.
inline double log_gamma(double x) {
  double shift = 0;
  while (x < 12) shift += std::log(x++);
  double const y = 1 / (x * x);
  double const tail = (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))) / x;
  return (x - 0.5) * std::log(x) - x + 0.91893853320467274178 + tail - shift;
}

/// x ln y, 0 for x = 0.
inline double times_log(double x, double y) { return x == 0 ? 0.0 : x * std::log(y); }

}  // namespace detail

struct BetaNormalized {
  double min_reward = 0;
  double max_reward = 1;
  double max_weight = 1e6;

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "BetaNormalized"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"min_reward", "the least reward, which becomes 0", Range{}}, self.min_reward);
    visit(
        Option{.name = "max_reward", .help = "the greatest reward, which becomes 1", .floor = {"min_reward", 0, true}},
        self.max_reward);
    visit(Option{"max_weight", "bounds the inverse of the density", or_infinite(above(0))}, self.max_weight);
  }

  static void check_group(std::size_t group_size) { detail::require_group(group_size); }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    GroupedRewards rewards(in);
    for (double& x : rewards.total) x = (x - min_reward) / (max_reward - min_reward);
    std::vector<double> rate;
    std::vector<RunningMoments> parts(1);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      rate.push_back(rewards.moments(g).mean());
      check(rate.back());
      parts[0].add(rate.back());
    }
    Density const density(batch_moments<C>(parts, communicator));
    for (std::size_t g = 0; g < rate.size(); ++g) {
      double const weight = density.inverse(rate[g], max_weight);
      for (auto const s : rewards.groups[g]) out.spread(in.episodes, s, weight * (rewards.total[s] - rate[g]));
    }
  }

 private:
  void check(double rate) const {
    if (rate < 0 || rate > 1)
      throw Error("options min_reward and max_reward", "a mean reward lies outside them",
                  "rewards between " + std::to_string(min_reward) + " and " + std::to_string(max_reward));
  }

  struct Density {
    double alpha = 1, beta = 1;

    explicit Density(RunningMoments const& rates) {
      double const mean = rates.mean(), variance = rates.variance(1);
      if (variance == 0) return;
      double const size = mean * (1 - mean) / variance - 1;
      alpha = std::max(1 + size * mean / 3, 1.0);
      beta = std::max(1 + size * (1 - mean) / 3, 1.0);
    }

    /// 1 / Beta(p; alpha, beta), bounded. NaN is passed on.
    double inverse(double p, double bound) const {
      if (alpha == 1 && beta == 1) return std::min(1.0, bound);
      double const log_density = detail::times_log(alpha - 1, p) + detail::times_log(beta - 1, 1 - p) +
                                 detail::log_gamma(alpha + beta) - detail::log_gamma(alpha) - detail::log_gamma(beta);
      double const weight = std::exp(-log_density);
      return weight > bound ? bound : weight;
    }
  };
};

}  // namespace grove
