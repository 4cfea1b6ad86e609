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

namespace grove {

/// A right answer is worth more when it is short and a wrong one less when it is short, along half a cosine of
/// length / max_length (arXiv 2502.03373, section 4.1). `Correct` says which answers are right; where it declines, so
/// does this. Length counts sampled tokens and stops at `max_length`.
template <Reward Correct>
struct Cosine {
  Correct correct{};
  double wrong_short = -0.5, wrong_long = 0.0;     ///< of a wrong answer of no and of full length
  double correct_short = 1.0, correct_long = 0.5;  ///< of a right one
  std::size_t max_length = 1000;                   ///< tokens

  static constexpr std::string_view name = "cosine";

  std::optional<double> operator()(Problem const& problem, Completion const& completion) const {
    std::optional<double> const right = correct(problem, completion);
    if (!right) return std::nullopt;
    auto const length = static_cast<double>(completion.tokens.size());
    double const progress = std::min(1.0, length / static_cast<double>(max_length));
    double const share = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));  // 1 at no length, 0 at full length
    auto const [at_none, at_full] =
        *right > 0.5 ? std::pair(correct_short, correct_long) : std::pair(wrong_short, wrong_long);
    return at_full + (at_none - at_full) * share;
  }
};

}  // namespace grove
