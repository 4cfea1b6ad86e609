// expect: grove::Trainer: the ranks cannot add up what they have; give the communicator `std::size_t rank()`, `std::size_t size()` and `void all_reduce_sum(std::span<double>)`.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

struct Silent {
  std::size_t rank() const { return 0; }
  std::size_t size() const { return 2; }
};

grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{}, {},
                       grove::TokenBudget{}, Silent{});
