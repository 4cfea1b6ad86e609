// expect: grove::Clamp: this is no reward of single samples; give it a member `std::optional<double> operator()(Problem const&, Completion const&) const`.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/clamp.hpp"

grove::Clamp clamp(3.5, 0, 1);
