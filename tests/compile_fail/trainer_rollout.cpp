// expect: grove::Trainer: the rollout cannot collect with this policy; give it a member `Trajectories collect(Policy&)` that returns the policy's own Trajectories.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

/// Collects something else than the policy reads.
struct Numbers {
  int collect(SoftmaxBandit&) { return 0; }
};

grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(2), Numbers{}, grove::EnvironmentReward{});
