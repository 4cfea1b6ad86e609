// expect: grove::Named: this is no reward; give it a member `std::optional<double> operator()(Problem const&, Completion const&) const`.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/named.hpp"

struct SaysText {
  std::string operator()(grove::Problem const&, grove::Completion const&) const { return "good"; }
};

grove::Named named{"mine", SaysText{}};
