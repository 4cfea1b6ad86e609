// SPDX-License-Identifier: Apache-2.0
// GAE with a lambda of its own for the critic (VC-PPO, arXiv 2503.01491): over long answers the reward at
// the end reaches the first tokens' value targets only with lambda_critic = 1, while the policy keeps a lambda of less
// variance,
//   A_t = GAE(gamma, lambda),   target_t = GAE(gamma, lambda_critic) + V_t.
// Shapes, environment tokens and whitening as in `Gae`. Defaults are the paper's: gamma 1, lambda 0.95,
// lambda_critic 1. NeMo has it (gae_lambda_policy, gae_lambda_value); TRL, verl and OpenRLHF do not.
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

struct DecoupledGae {
  double gamma = 1;
  double lambda = 0.95;
  double lambda_critic = 1;
  bool whiten = true;
  std::size_t threads = 0;  ///< 0: all cores for large batches; never changes a result

  static constexpr ColumnSet needs = Column::Value;
  static constexpr bool needs_groups = false;
  static std::string describe() { return "DecoupledGae"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"gamma", "discount of a reward a token later", between(0, 1)}, self.gamma);
    visit(Option{"lambda", "weight of rewards against values in the advantage", between(0, 1)}, self.lambda);
    visit(Option{"lambda_critic", "the same in the critic's targets", between(0, 1)}, self.lambda_critic);
    visit(Option{"whiten", "advantages to mean 0 and variance 1 over the batch", between(0, 1)}, self.whiten);
  }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    detail::require_values(in);
    detail::token_returns(
        in, in.value, gamma, [&](std::size_t) { return lambda; }, out.advantage, {}, threads);
    if (!out.return_.empty())
      detail::token_returns(
          in, in.value, gamma, [&](std::size_t) { return lambda_critic; }, {}, out.return_, threads);
    detail::keep_unjudged(in, out.return_);
    if (whiten) detail::whiten(in, out, communicator, threads);
  }
};

}  // namespace grove
