// expect: grove::Clamp: a weight inside a clamp is not used; put weighted(w, Clamp{...}) into a Sum.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/clamp.hpp"
#include "grove/reward/exact_answer.hpp"

grove::Clamp clamp(grove::weighted(2.0, grove::ExactAnswer{}), 0, 1);
