// expect: grove::GroupRelative: its argument says which rewards the deviation is taken over; use OverGroup, OverBatch or Unscaled.
// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/group_relative.hpp"

struct OverTokens {
  static constexpr std::string_view name = "OverTokens";
};

grove::GroupRelative<OverTokens> estimator;
