// expect: grove::SequenceMean: its argument is the scope of the mean: Window, DataParallel or Local.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::SequenceMean<grove::TokenMean<>> aggregate;
