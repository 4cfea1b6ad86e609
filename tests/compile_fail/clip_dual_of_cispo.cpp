// expect: grove::DualClip: only Clip leaves a large ratio of a negative advantage unbounded; a surrogate that holds the ratio constant (CappedWeight) or bounds it itself has nothing for a second bound to act on.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::PolicyGradient<grove::TokenRatio, grove::DualClip<grove::CappedWeight<>>> term;
