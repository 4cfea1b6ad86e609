// expect: grove::TwoSided: it bounds the unclipped side of Clip; a surrogate that holds the ratio constant (CappedWeight) or bounds it itself has no such side.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::PolicyGradient<grove::TokenRatio, grove::TwoSided<grove::CappedWeight<>>> term;
