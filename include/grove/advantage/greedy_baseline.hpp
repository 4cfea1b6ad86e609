// SPDX-License-Identifier: Apache-2.0
// ReMax's advantage: what a completion earns from a token on, against the reward of the greedy answer to the same
// problem,
//   A_t = sum_{s >= t} r_s - R(greedy)   (arXiv 2310.10505)
// with r 0 but at the last token unless rewards are shaped; A on every token the policy chose. Unbiased, since the
// greedy answer does not depend on the sampled one; it costs one more completion a problem. verl has the same
// (`remax`).
#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/chosen_tokens.hpp"
#include "grove/advantage/estimate.hpp"
#include "grove/columns.hpp"
#include "grove/error.hpp"

namespace grove {

struct GreedyBaseline {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = false;
  static constexpr bool needs_greedy = true;
  static std::string describe() { return "GreedyBaseline"; }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    std::size_t const n = in.episodes.sequences();
    if (in.greedy_reward.size() != n)
      throw Error("GreedyBaseline", std::to_string(in.greedy_reward.size()) + " rewards of greedy answers",
                  std::to_string(n) + ", one a sequence");
    detail::Decisions decisions;
    for (std::size_t s = 0; s < n; ++s) {
      if (!in.counted(s)) continue;
      decisions.assign(in, s);
      double rest = 0;
      for (std::size_t i = decisions.token.size(); i-- > 0;) {
        rest += decisions.earned[i];
        out.advantage[decisions.token[i]] = static_cast<T>(rest - static_cast<double>(in.greedy_reward[s]));
      }
    }
  }
};

}  // namespace grove
