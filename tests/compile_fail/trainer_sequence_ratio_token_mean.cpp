// expect: grove::Trainer: a sequence-level ratio belongs under SequenceMean (or, as LUSPO has it, under SequenceSum); under another aggregate long sequences outvote short ones.
// SPDX-License-Identifier: Apache-2.0
#include "../../examples/bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

using Mine = grove::Algorithm<grove::GroupRelative<>,
                              grove::Terms<grove::TokenMean<>, grove::PolicyGradient<grove::SequenceRatio>>>;

grove::Trainer trainer(Mine{}, SoftmaxBandit(2), PullArms{}, grove::EnvironmentReward{});
