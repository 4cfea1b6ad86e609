// expect: grove::KlInLoss<K1>: the expected gradient of k1 in the loss is zero, so it does not penalise anything; use K3, K2 or StraightThrough<K1> here, or k1 in the reward.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::Terms<grove::TokenMean<>, grove::PolicyGradient<>, grove::KlInLoss<grove::K1>> objective;
