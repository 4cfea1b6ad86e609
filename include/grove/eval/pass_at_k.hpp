// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "grove/error.hpp"

namespace grove::eval {

/// The chance that at least one of k completions is right, of which n were drawn and c of them were right:
/// 1 - C(n - c, k) / C(n, k). Unbiased (Chen et al., "Evaluating large language models trained on code", 2021,
/// section 2.1). Needs c <= n and 1 <= k <= n.
inline double pass_at_k(std::size_t n, std::size_t c, std::size_t k) {
  if (c > n) throw Error("pass_at_k", std::to_string(c) + " right completions", "at most n = " + std::to_string(n));
  if (k == 0 || k > n) throw Error("pass_at_k", "k is " + std::to_string(k), "from 1 to n = " + std::to_string(n));
  if (n - c < k) return 1.0;
  double all_wrong = 1.0;
  for (std::size_t i = 0; i < k; ++i) all_wrong *= static_cast<double>(n - c - i) / static_cast<double>(n - i);
  return 1.0 - all_wrong;
}

}  // namespace grove::eval
