// expect: grove::Trainer: the advantage estimator compares answers to one problem, and this rollout collects none; use an estimator with a critic such as Gae.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

struct Single : PullArms {
  static constexpr bool collects_groups = false;
};

grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(2), Single{}, grove::EnvironmentReward{});
