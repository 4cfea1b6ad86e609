// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <string_view>
#include <utility>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/problem.hpp"
#include "grove/reward/length_unit.hpp"

namespace grove {

/// A right answer is worth more when it is short and a wrong one less when it is short, along half a cosine of
/// length / max_length (arXiv 2502.03373, section 4.1). `Correct` says which answers are right; where it declines, so
/// does this, unless `unjudged` has a score.
template <Reward Correct>
struct Cosine {
  Correct correct{};
  double wrong_short = -0.5, wrong_long = 0.0;     ///< of a wrong answer of no and of full length
  double correct_short = 1.0, correct_long = 0.5;  ///< of a right one
  std::size_t max_length = 1000;                   ///< in `unit`
  LengthUnit unit = LengthUnit::Token;
  bool clamped = true;               ///< no length counts more than `max_length`; else the cosine goes on, up again
  std::optional<double> unjudged{};  ///< the score where `Correct` declines

  static constexpr std::string_view name = "cosine";

  /// What open-rs's script computes: characters without a clamp, a short wrong answer at 0 and a long one at -0.5
  /// (against its own description), and 1 for every answer to a gold that cannot be read.
  static Cosine open_rs(Correct correct = {}, std::size_t max_length = 1000) {
    return {.correct = std::move(correct),
            .wrong_short = 0.0,
            .wrong_long = -0.5,
            .max_length = max_length,
            .unit = LengthUnit::Character,
            .clamped = false,
            .unjudged = 1.0};
  }

  std::optional<double> operator()(Problem const& problem, Completion const& completion) const {
    std::optional<double> const right = correct(problem, completion);
    if (!right) return unjudged;
    double progress = static_cast<double>(length_of(completion, unit)) / static_cast<double>(max_length);
    if (clamped) progress = std::min(1.0, progress);
    double const share = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));  // 1 at no length, 0 at full length
    auto const [at_none, at_full] =
        *right > 0.5 ? std::pair(correct_short, correct_long) : std::pair(wrong_short, wrong_long);
    return at_full + (at_none - at_full) * share;
  }
};

}  // namespace grove
