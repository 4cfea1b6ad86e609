// SPDX-License-Identifier: Apache-2.0
// VESPO: a smooth weight of the whole sequence's importance ratio W in front of REINFORCE, -sg(phi(W)) A log p with
//   phi(W) = e^lambda W^k e^(-lambda W),
// k and lambda chosen by the sign of the advantage (arXiv 2602.10693). W is the product over the sequence of p / p_old
// and of p_old / p_rollout: the correction between sampler and trainer is inside, so no other may stand beside it.
// The bounds of the logarithms are the published implementation's, as in TRL.
#pragma once

#include <concepts>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/ratio.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

struct VespoWeight {
  double k_positive = 2, lambda_positive = 3;
  double k_negative = 3, lambda_negative = 2;

  static constexpr std::string_view name = "VespoWeight";
  static constexpr Scope scope = Scope::Sequence;
  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb, Column::RolloutLogProb};
  static constexpr bool corrects_rollout = true;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"vespo_k_pos", "power of the ratio for positive advantages", at_least(0)}, self.k_positive);
    visit(Option{"vespo_lambda_pos", "its exponential decay", above(0)}, self.lambda_positive);
    visit(Option{"vespo_k_neg", "power of the ratio for negative advantages", at_least(0)}, self.k_negative);
    visit(Option{"vespo_lambda_neg", "its exponential decay", above(0)}, self.lambda_negative);
  }

  template <std::floating_point T>
  struct Stat {
    T log_weight = 0;
  };

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Stat<T> prepare(Token<T> const& t) const {
    T const policy = smaller(larger(t.log_p_detached - t.log_p_old, T(-20)), T(20));
    T const rollout = smaller(larger(t.log_p_old - t.log_p_rollout, static_cast<T>(log_smallest)), T(20));
    return {policy + rollout};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr Stat<T> combine(Stat<T> a, Stat<T> b) {
    return {a.log_weight + b.log_weight};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T d_prepare(Token<T> const&) const {
    return T(0);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t, Stat<T> sum) const {
    bool const positive = t.advantage >= 0;
    T const k = static_cast<T>(positive ? k_positive : k_negative);
    T const lambda = larger(static_cast<T>(positive ? lambda_positive : lambda_negative), T(1e-4));
    T const log_w = smaller(larger(sum.log_weight, static_cast<T>(log_smallest)), T(20));
    return {.value = exponential(lambda + k * log_w - lambda * exponential(log_w))};
  }

 private:
  static constexpr double log_smallest = -18.420680743952367;  // log 1e-8
};

}  // namespace grove
