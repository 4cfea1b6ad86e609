// expect: grove::Trainer: an aggregate of Local or DataParallel scope with TokenBudget makes the loss depend on how lengths happen to fill micro-batches; use the Window scope, or SequencesPerMicroBatch.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

using Mine = grove::Algorithm<grove::GroupRelative<>,
                              grove::Terms<grove::TokenMean<grove::DataParallel>, grove::PolicyGradient<>>>;

grove::Trainer trainer(Mine{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{});
