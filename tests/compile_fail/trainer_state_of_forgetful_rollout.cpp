// expect: grove::Trainer: a checkpoint must know how far the rollout has come; give it `void state(State& s)` that hands each of its counters to s, or does nothing where it has none.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

// PullArms counts its collections and lists them nowhere.
void save() {
  grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{});
  grove::State state;
  trainer.state(state);
}
