// expect: grove::Trainer: a sequence-level ratio belongs under SequenceMean; under another aggregate its gradient is not that of the stated objective.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

using Mine = grove::Algorithm<grove::GroupRelative<>,
                              grove::Terms<grove::TokenMean<>, grove::PolicyGradient<grove::SequenceRatio>>>;

grove::Trainer trainer(Mine{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{});
