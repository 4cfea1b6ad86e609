// expect: grove::Trainer: the advantage estimator compares with a greedy completion of each problem; give the rollout `Trajectories collect_greedy(Policy&, Trajectories const&)`.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

grove::Trainer trainer(grove::ReMax{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{});
