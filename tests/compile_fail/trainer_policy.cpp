// expect: grove::Trainer: the second argument is no policy; it needs Real, Trajectories, provides, score, accumulate, parameters, version and commit, as concepts.hpp describes them.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

struct Unfinished : SoftmaxBandit {
  using SoftmaxBandit::SoftmaxBandit;
  void commit() = delete;
};

grove::Trainer trainer(grove::Grpo{}, Unfinished(2), PullArms{}, grove::EnvironmentReward{});
