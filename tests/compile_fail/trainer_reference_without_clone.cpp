// expect: grove::Trainer: the composition compares with a reference policy; give the policy a member `P clone() const`.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

struct Unique : SoftmaxBandit {
  using SoftmaxBandit::SoftmaxBandit;
  void clone() const = delete;
};

grove::Trainer trainer(grove::Grpo{}, Unique(2), PullArms{}, grove::EnvironmentReward{});
