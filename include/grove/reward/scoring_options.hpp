// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <thread>

namespace grove {

/// How rewards are computed.
struct ScoringOptions {
  std::size_t threads = std::thread::hardware_concurrency();
  double max_error_rate = 0;  ///< share of a batch in which a reward may throw; those samples it declines
};

}  // namespace grove
