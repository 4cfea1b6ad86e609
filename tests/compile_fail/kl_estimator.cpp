// expect: grove::KlInLoss: its argument is no KL estimator; use K3 or K2, or give yours `name` and `operator()(T delta)` that returns a KlValue.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::KlInLoss<grove::Clip> term;
