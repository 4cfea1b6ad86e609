// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/problem.hpp"
#include "grove/reward/length_unit.hpp"

namespace grove {

/// Rewards short answers of a group and punishes long ones (Kimi k1.5, arXiv 2501.12599, section 2.3.3): lambda = 0.5 -
/// (length - shortest) / (longest - shortest); a right answer scores lambda, a wrong one min(0, lambda). 0 where all
/// are of one length. `Correct` says which answers are right; where it declines, so does this.
template <Reward Correct>
struct KimiLength {
  Correct correct{};
  LengthUnit unit = LengthUnit::Token;
  bool over_batch = false;       ///< compare all completions of a batch, not those of one problem
  bool unjudged_counts = false;  ///< an answer that `Correct` declines counts as right

  static constexpr std::string_view name = "length";

  /// open-r1's and open-rs's `len_reward`: characters, over the whole batch.
  static KimiLength open_r1(Correct correct = {}) {
    return {.correct = std::move(correct), .unit = LengthUnit::Character, .over_batch = true, .unjudged_counts = true};
  }

  std::vector<std::optional<double>> operator()(std::span<Problem const* const> problems,
                                                std::span<Completion const* const> completions) const {
    std::vector<double> lengths;
    for (auto const* completion : completions) lengths.push_back(static_cast<double>(length_of(*completion, unit)));
    std::vector<std::optional<double>> scores(lengths.size());
    if (lengths.empty()) return scores;
    auto const [shortest, longest] = std::ranges::minmax(lengths);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      std::optional<double> const right = correct(*problems[i], *completions[i]);
      if (!right && !unjudged_counts) continue;
      double const lambda = longest > shortest ? 0.5 - (lengths[i] - shortest) / (longest - shortest) : 0.0;
      scores[i] = right.value_or(1.0) > 0.5 ? lambda : std::min(0.0, lambda);
    }
    return scores;
  }
};

}  // namespace grove
