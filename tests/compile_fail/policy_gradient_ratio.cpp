// expect: grove::PolicyGradient: the first argument says at which level the ratio is taken: TokenRatio, SequenceRatio or a RatioLevel of your own.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::PolicyGradient<grove::Clip> term;
