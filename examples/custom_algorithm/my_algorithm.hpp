// SPDX-License-Identifier: Apache-2.0
// Each piece of an algorithm, written outside the library.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "grove/algorithms.hpp"

/// A_i = R_i - the mean of the *other* answers to the same problem (RLOO, arXiv 2402.14740), repeated on each token.
struct LeaveOneOut {
  static constexpr grove::ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "LeaveOneOut"; }

  template <std::floating_point T>
  void operator()(grove::EstimatorInput<T> const& in, grove::EstimatorOutput<T> out) const {
    auto const& episodes = in.episodes;
    std::map<std::uint32_t, grove::RunningMoments> groups;
    for (std::size_t s = 0; s < episodes.sequences(); ++s)
      if (in.valid[s]) groups[episodes.group[s]].add(in.reward[s]);
    for (std::size_t s = 0; s < episodes.sequences(); ++s) {
      auto const& group = groups[episodes.group[s]];
      if (!in.valid[s] || group.count() < 2) continue;
      auto const n = static_cast<double>(group.count());
      auto const advantage = static_cast<T>((static_cast<double>(in.reward[s]) - group.mean()) * n / (n - 1));
      for (auto t = episodes.cu_seqlens[s]; t < episodes.cu_seqlens[s + 1]; ++t) out.advantage[t] = advantage;
    }
  }
};
static_assert(grove::AdvantageEstimator<LeaveOneOut>);

/// coefficient / 2 * (log p - log p_old)^2: keeps each update near the policy that sampled.
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
    LeaveOneOut, grove::Terms<grove::TokenMean<grove::Window>, grove::PolicyGradient<grove::TokenRatio, grove::Clip>,
                              grove::KlInLoss<grove::K3>, Proximity>>;
