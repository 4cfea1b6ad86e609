// SPDX-License-Identifier: Apache-2.0
// Generalised advantage estimation,
//   A_t = sum_{l >= 0} (gamma lambda)^l d_{t+l},   d_t = r_t + gamma V_{t+1} - V_t   (arXiv 1506.02438, eq. 16)
// for every token the policy chose; the value target is A_t + V_t. Rewards are those of the tokens, the sequence's
// reward at the last one; V after the last token is `bootstrap`, 0 where the episode had ended. Tokens of the
// environment are skipped, as in verl and NeMo; what was earned there belongs to the decision before (verl drops it).
//
// With `whiten` advantages get mean 0 and variance 1 over the batch's tokens on all ranks, after the targets were
// taken: verl and TRL always do, OpenRLHF and NeMo by option; PPO's paper (arXiv 1707.06347) does not speak of it, so
// it is on. Defaults are TRL's, gamma 1 and lambda 0.95 (the paper's runs have 0.99 and 0.95); verl and OpenRLHF have
// lambda 1.
//
// Reward and value are read once, advantage and target written once, in T; several sequences at a time on all cores.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/token_returns.hpp"
#include "grove/advantage/whiten.hpp"
#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/option.hpp"

namespace grove {

struct Gae {
  double gamma = 1;
  double lambda = 0.95;
  bool whiten = true;
  std::size_t threads = 0;  ///< 0: all cores for large batches; never changes a result

  static constexpr ColumnSet needs = Column::Value;
  static constexpr bool needs_groups = false;
  static std::string describe() { return "Gae"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"gamma", "discount of a reward a token later", between(0, 1)}, self.gamma);
    visit(Option{"lambda", "weight of rewards against values in the advantage", between(0, 1)}, self.lambda);
    visit(Option{"whiten", "advantages to mean 0 and variance 1 over the batch", between(0, 1)}, self.whiten);
  }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    detail::require_values(in);
    detail::token_returns(
        in, in.value, gamma, [&](std::size_t) { return lambda; }, out.advantage, out.return_, threads);
    detail::keep_unjudged(in, out.return_);
    if (whiten) detail::whiten(in, out, communicator, threads);
  }
};

}  // namespace grove
