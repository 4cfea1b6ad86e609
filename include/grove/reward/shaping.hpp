// SPDX-License-Identifier: Apache-2.0
// What happens to rewards between judging and advantages.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "grove/columns.hpp"
#include "grove/episodes.hpp"
#include "grove/metrics.hpp"
#include "grove/objective/kl.hpp"
#include "grove/objective/kl_in_loss.hpp"
#include "grove/option.hpp"

namespace grove {

/// Columns that a shaping reads; one that its `needs` leave out is empty.
template <std::floating_point T>
struct ShapingInput {
  Episodes const& episodes;
  std::span<const std::uint8_t> counts{};  ///< [tokens] 1 where the token enters the loss
  std::span<const T> log_prob{};           ///< [tokens] of the policy before the batch's first update
  std::span<const T> ref_log_prob{};       ///< [tokens] of the reference policy
};

/// Adds to the rewards of single tokens.
template <class S>
concept RewardShaping = requires(S const& s, ShapingInput<double> const& in, std::span<double> token_reward,
                                 Metrics& metrics) {
  { s.needs } -> std::convertible_to<ColumnSet>;
  { s.wanted() } -> std::same_as<ColumnSet>;
  { s.describe() } -> std::convertible_to<std::string>;
  s(in, token_reward, metrics);
};

/// Rewards stay what they are.
struct AsJudged {
  static constexpr ColumnSet needs = {};
  ColumnSet wanted() const { return {}; }
  static std::string describe() { return "AsJudged"; }
  template <std::floating_point T>
  void operator()(ShapingInput<T> const&, std::span<T>, Metrics&) const {}
};

/// -coefficient * KL estimate at each token, in the reward: with k1 the unbiased gradient of the reverse KL
/// (arXiv 2512.21852). Ziegler's controller steers the coefficient where it is AdaptiveKl.
template <class E = K1, class C = FixedKl>
struct KlInReward {
  static_assert(KlEstimator<E>, "grove::KlInReward: its argument is no KL estimator; use K1, K2 or K3.");

  double coefficient = 0.05;  ///< beta; TRL's for RLOO and PPO. verl has 0.001, OpenRLHF 0.01
  [[no_unique_address]] C control{};

  static constexpr ColumnSet needs = {Column::LogProb, Column::RefLogProb};
  ColumnSet wanted() const { return coefficient != 0 ? needs : ColumnSet{}; }
  static std::string describe() { return "KlInReward<" + std::string(E::name) + std::string(C::name) + ">"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"beta", "weight of the KL to the reference policy in the reward; 0 loads none", at_least(0)},
          self.coefficient);
    C::options(self.control, visit);
  }

  void adapt(double kl) { control.adapt(coefficient, kl); }
  void state(State& s) {
    if constexpr (!std::same_as<C, FixedKl>) s("coefficient", coefficient);
    if constexpr (Stateful<C>) s("control", control);
  }

  template <std::floating_point T>
  void operator()(ShapingInput<T> const& in, std::span<T> token_reward, Metrics& metrics) const {
    if (wanted().empty()) return;
    double sum = 0, count = 0;
    for (std::size_t t = 0; t < token_reward.size(); ++t) {
      if (!in.counts[t]) continue;
      auto const kl = E{}(static_cast<double>(in.log_prob[t]) - static_cast<double>(in.ref_log_prob[t])).value;
      token_reward[t] -= static_cast<T>(coefficient * kl);
      sum += kl;
      count += 1;
    }
    metrics.set("kl", count > 0 ? sum / count : 0.0);
    metrics.set("kl_coef", coefficient);
  }
};

}  // namespace grove
