// SPDX-License-Identifier: Apache-2.0
// GAE whose lambda grows with the answer's length (VAPO, arXiv 2504.05118), so that the weights of the
// temporal differences add up to the same share of the answer, alpha of its tokens, however long it is,
//   A_t = GAE(gamma, 1 - 1 / (alpha l)),   target_t = GAE(gamma, lambda_critic) + V_t
// with l the tokens the policy chose; lambda is at least 0 (l < 1 / alpha). Shapes, environment tokens and whitening as
// in `Gae`. Defaults are the paper's: gamma 1, alpha 0.05, lambda_critic 1. NeMo has it (length_adaptive_alpha); TRL,
// verl and OpenRLHF do not.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/token_returns.hpp"
#include "grove/advantage/whiten.hpp"
#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/option.hpp"

namespace grove {

struct LengthAdaptiveGae {
  double gamma = 1;
  double alpha = 0.05;
  double lambda_critic = 1;
  bool whiten = true;
  std::size_t threads = 0;  ///< 0: all cores for large batches; never changes a result

  static constexpr ColumnSet needs = Column::Value;
  static constexpr bool needs_groups = false;
  static std::string describe() { return "LengthAdaptiveGae"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"gamma", "discount of a reward a token later", between(0, 1)}, self.gamma);
    visit(Option{"alpha", "lambda of an answer of l tokens is 1 - 1 / (alpha l)", above(0)}, self.alpha);
    visit(Option{"lambda_critic", "lambda of the critic's targets", between(0, 1)}, self.lambda_critic);
    visit(Option{"whiten", "advantages to mean 0 and variance 1 over the batch", between(0, 1)}, self.whiten);
  }

  /// lambda of an answer of `length` tokens.
  double lambda(std::size_t length) const {
    return length == 0 ? 0.0 : std::max(0.0, 1 - 1 / (alpha * static_cast<double>(length)));
  }

  template <std::floating_point T, Communicator C>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
    detail::require_values(in);
    detail::token_returns(
        in, in.value, gamma, [&](std::size_t length) { return lambda(length); }, out.advantage, {}, threads);
    if (!out.return_.empty())
      detail::token_returns(
          in, in.value, gamma, [&](std::size_t) { return lambda_critic; }, {}, out.return_, threads);
    detail::keep_unjudged(in, out.return_);
    if (whiten) detail::whiten(in, out, communicator, threads);
  }
};

}  // namespace grove
