// expect: grove::Terms: the first argument says how losses of tokens become one number: TokenMean, SequenceMean, SequenceSum, ConstantLength or an Aggregate of your own.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::Terms<grove::PolicyGradient<>, grove::KlInLoss<>> objective;
