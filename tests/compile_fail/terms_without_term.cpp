// expect: grove::Terms: an argument after the first is no term;
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::Terms<grove::TokenMean<>, grove::Clip> objective;
