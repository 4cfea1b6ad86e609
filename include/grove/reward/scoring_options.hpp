// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>

namespace grove {

/// How rewards are computed.
struct ScoringOptions {
  std::size_t threads = std::thread::hardware_concurrency();
  double max_error_rate = 0;  ///< share of a batch in which a reward may throw
  /// Of one call, for a completion or for those that a reward sees together; 0: none. A later one is counted as slow
  /// and left to itself. With a deadline each call has a thread of its own and copies of what it reads.
  std::chrono::milliseconds deadline{0};
  std::optional<double> fallback{};  ///< the score where a reward threw or was late; none: it declines
};

}  // namespace grove
