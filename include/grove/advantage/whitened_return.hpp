// SPDX-License-Identifier: Apache-2.0
// REINFORCE++'s advantage: the discounted sum of what a completion earns from a token on, whitened over the batch,
//   A_t = (G_t - mean(G)) / sqrt(var(G) + 1e-8),   G_t = sum_{s >= t} gamma^{s-t} r_s   (arXiv 2501.03262)
// for every token the policy chose, mean and variance over all of them on all ranks; r is the reward at the last token
// and a KL penalty (k1) at each. No groups: one answer a problem will do. Tokens of the environment are skipped, and
// what was earned there belongs to the decision before (verl drops it).
//
// Default gamma 1. The variance has ddof 1 as in verl, 0 in NeMo; biased, since mean and deviation contain the sample.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

#include "grove/advantage/token_returns.hpp"
#include "grove/advantage/whiten.hpp"
#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/option.hpp"

namespace grove {

struct WhitenedReturn {
  double gamma = 1;
  std::size_t threads = 0;  ///< 0: all cores for large batches; never changes a result

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = false;
  static std::string describe() { return "WhitenedReturn"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"gamma", "discount of a reward a token later", between(0, 1)}, self.gamma);
  }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    EstimatorInput<T> ended = in;
    ended.bootstrap = {};
    detail::token_returns(
        ended, std::span<const T>{}, gamma, [](std::size_t) { return 1.0; }, out.advantage, {}, threads);
    detail::whiten(in, out, communicator, threads);
  }
};

}  // namespace grove
