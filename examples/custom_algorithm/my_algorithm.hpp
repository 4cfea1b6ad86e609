// SPDX-License-Identifier: Apache-2.0
// Each piece of an algorithm, written outside the library.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "grove/algorithms.hpp"

/// A_i = R_i - the median of the answers to the same problem, repeated on each token: one lucky answer does not make
/// the others look worse than they are.
struct MedianBaseline {
  static constexpr grove::ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "MedianBaseline"; }

  template <std::floating_point T>
  void operator()(grove::EstimatorInput<T> const& in, grove::EstimatorOutput<T> out) const {
    std::map<std::uint32_t, std::vector<double>> groups;
    for (std::size_t s = 0; s < in.episodes.sequences(); ++s)
      if (in.counted(s)) groups[in.episodes.group[s]].push_back(in.total(s));
    for (auto& [group, rewards] : groups) std::ranges::sort(rewards);
    for (std::size_t s = 0; s < in.episodes.sequences(); ++s) {
      if (!in.counted(s)) continue;
      auto const& rewards = groups[in.episodes.group[s]];
      auto const n = rewards.size();
      out.spread(in.episodes, s, in.total(s) - (rewards[(n - 1) / 2] + rewards[n / 2]) / 2);
    }
  }
};
static_assert(grove::AdvantageEstimator<MedianBaseline>);

/// coefficient / 2 * (log p - log p_old)^2: keeps further updates of a batch near the policy before the first one.
struct Proximity {
  double coefficient = 0.1;

  static constexpr grove::Scope scope = grove::Scope::Token;
  static constexpr grove::ColumnSet needs = {grove::Column::LogProb, grove::Column::OldLogProb};
  static constexpr std::string_view loss_name = "proximity_loss";
  static constexpr std::array<std::string_view, 1> metric_names = {"proximity"};

  static std::string describe() { return "Proximity"; }
  grove::ColumnSet wanted() const { return coefficient != 0 ? needs : grove::ColumnSet{}; }

  template <std::floating_point T>
  constexpr grove::TermValue<T, 1> operator()(grove::Token<T> const& t) const {
    T const distance = t.log_p - t.log_p_old;
    auto const c = static_cast<T>(coefficient);
    return {.loss = c * distance * distance / 2, .d_log_p = c * distance, .metrics = {distance * distance}};
  }
};
static_assert(grove::ObjectiveTerm<Proximity>);

using MyAlgorithm = grove::Algorithm<
    MedianBaseline, grove::Terms<grove::TokenMean<grove::Window>, grove::PolicyGradient<grove::TokenRatio, grove::Clip>,
                                 grove::KlInLoss<grove::K3>, Proximity>>;
