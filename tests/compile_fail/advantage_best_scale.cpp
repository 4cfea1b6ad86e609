// expect: grove::MaxMinusSecond: the difference is divided by the group's deviation or not at all; use OverGroup or Unscaled.
// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/max_minus_second.hpp"

grove::MaxMinusSecond<grove::OverBatch> estimator;
