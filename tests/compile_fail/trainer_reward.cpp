// expect: grove::Trainer: this is no reward for the policy's trajectories; write `std::optional<double> operator()(Problem const&, Completion const&) const`, or use EnvironmentReward.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"

struct NoReward {
  double operator()(int) const { return 0; }
};

grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(2), PullArms{}, NoReward{});
