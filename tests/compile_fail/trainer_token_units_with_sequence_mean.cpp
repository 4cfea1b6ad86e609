// expect: grove::Trainer: this policy is updated token by token, which leaves no sequence to speak of; use TokenMean and terms of Scope::Token.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

struct Stepwise : SoftmaxBandit {
  using SoftmaxBandit::SoftmaxBandit;
  static constexpr grove::Unit unit = grove::Unit::Token;
};

grove::Trainer trainer(grove::Grpo{}, Stepwise(2), PullArms{}, grove::EnvironmentReward{});
