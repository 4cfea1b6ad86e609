// expect: grove::Terms: two terms select tokens by different rules; a composition has one selection.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/objective/top_entropy.hpp"

using Bonus = grove::EntropyBonus<grove::FixedEntropy, grove::TokenMean<>, grove::TopEntropy>;
grove::Terms<grove::TokenMean<>, grove::PolicyGradient<grove::TokenRatio, grove::KlCovPenalty>, Bonus> objective;
