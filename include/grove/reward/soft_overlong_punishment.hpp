// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"

namespace grove {

/// Punishes length before the limit cuts it off (DAPO, arXiv 2503.14476, equation 13): 0 up to `max_length - cache`
/// tokens, from there in a straight line to -1 at `max_length`, -1 beyond. Without a cache it is a step.
struct SoftOverlongPunishment {
  std::size_t max_length = 20480;  ///< L_max, tokens: DAPO's 16,384 expected and 4,096 of cache
  std::size_t cache = 4096;        ///< L_cache, tokens

  static constexpr std::string_view name = "soft_overlong_punishment";

  double operator()(Problem const&, Completion const& completion) const {
    auto const length = static_cast<double>(completion.tokens.size()), limit = static_cast<double>(max_length);
    auto const expected = limit - static_cast<double>(cache);
    if (length <= expected) return 0.0;
    if (length > limit) return -1.0;
    return (expected - length) / static_cast<double>(cache);
  }
};

}  // namespace grove
