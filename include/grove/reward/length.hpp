// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"

namespace grove {

/// Rewards keeping to a budget of tokens: 1 up to `budget`, falling in a straight line to 0 at `limit`, 0 beyond. All
/// sampled tokens count, with the one that ended the completion. With `limit` <= `budget` it is a step at the budget.
struct LengthBudget {
  std::size_t budget = 512;  ///< tokens
  std::size_t limit = 1024;  ///< tokens

  static constexpr std::string_view name = "length_budget";

  double operator()(Problem const&, Completion const& completion) const {
    auto const tokens = completion.tokens.size();
    if (tokens <= budget) return 1.0;
    if (tokens >= limit) return 0.0;
    return static_cast<double>(limit - tokens) / static_cast<double>(limit - budget);
  }
};

}  // namespace grove
