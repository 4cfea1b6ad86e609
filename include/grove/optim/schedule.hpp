// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "grove/error.hpp"

namespace grove {

/// Learning rate by update, as transformers' schedules: linear warm-up from 0, then constant, linear or cosine decay to
/// `min_ratio` of the peak at `total` updates and beyond. With a warm-up the very first update therefore has rate 0.
struct Schedule {
  enum class Decay : std::uint8_t { Constant, Linear, Cosine };

  double peak = 1e-6;
  Decay decay = Decay::Constant;
  std::size_t warmup = 0;  ///< updates
  std::size_t total = 0;   ///< updates; needed by Linear and Cosine
  double min_ratio = 0;

  /// Rate of update number `update`, counted from 0. Throws Error where a decay has no end.
  double operator()(std::size_t update) const {
    if (decay != Decay::Constant && total == 0)
      throw Error("Schedule", "total is 0", "the number of updates of the run, which a decay ends with");
    auto const s = static_cast<double>(update), w = static_cast<double>(warmup);
    if (s < w) return peak * s / w;
    if (decay == Decay::Constant) return peak;
    auto const span = static_cast<double>(total) - w;
    double const progress = span > 0 ? std::fmin(1.0, (s - w) / span) : 1.0;
    double const fall = decay == Decay::Linear ? 1.0 - progress : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    return peak * (fall * (1.0 - min_ratio) + min_ratio);
  }
};

}  // namespace grove
