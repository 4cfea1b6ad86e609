// expect: grove::Gate: a weight inside a gate is not used; put weighted(w, Gate{...}) into a Sum.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/gate.hpp"

grove::Gate gate{grove::OpenRsFormat{}, grove::weighted(2.0, grove::ExactAnswer{})};
