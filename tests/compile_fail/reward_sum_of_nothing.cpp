// expect: grove::Sum: a sum of no rewards scores nothing; give it at least one.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/sum.hpp"

grove::Sum<> sum;
