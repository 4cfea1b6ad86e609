// SPDX-License-Identifier: Apache-2.0
// Each published algorithm as one alias: reading the line tells you the algorithm. Numbers keep the papers' defaults.
#pragma once

#include "grove/advantage/group_relative.hpp"
#include "grove/algorithm.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/entropy.hpp"
#include "grove/objective/kl_in_loss.hpp"
#include "grove/objective/policy_gradient.hpp"
#include "grove/objective/terms.hpp"
#include "grove/trainer.hpp"

namespace grove {

/// GRPO (arXiv 2402.03300): group-normalised rewards, clipped token ratios, k3 in the loss, mean over tokens of each
/// sequence and then over sequences. Defaults: epsilon 0.2, beta 0.04. TRL's defaults differ: token mean, beta 0.
using Grpo =
    Algorithm<GroupRelative<OverGroup>, Terms<SequenceMean<Window>, PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>>>;

/// GRPO with DAPO's token mean over the whole optimizer step (arXiv 2503.14476, eq. 8), otherwise as `Grpo`.
using GrpoTokenMean =
    Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>>>;

}  // namespace grove
