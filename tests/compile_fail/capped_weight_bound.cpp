// expect: grove::CappedWeight: its argument says how the weight is bounded: AbsoluteCap (TRL's meaning of epsilon_high) or EpsilonBand (verl's).
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::CappedWeight<grove::Clip> surrogate;
