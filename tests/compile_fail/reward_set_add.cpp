// expect: grove::RewardSet: this is no reward; give it a member `std::optional<double> operator()(Problem const&, Completion const&) const`.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/reward_set.hpp"

struct Silent {
  void operator()(grove::Problem const&, grove::Completion const&) const {}
};

void build(grove::RewardSet& set) { set.add("silent", 1.0, Silent{}); }
