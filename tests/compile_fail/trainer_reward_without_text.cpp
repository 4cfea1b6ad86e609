// expect: grove::Trainer: this is no reward for the policy's trajectories;
// SPDX-License-Identifier: Apache-2.0
// A reward of texts for a policy that has none.
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/exact_answer.hpp"

grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(2), PullArms{}, grove::ExactAnswer{});
