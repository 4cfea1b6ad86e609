// expect: grove::Sum: an element is no reward; give it a member `std::optional<double> operator()(Problem const&, Completion const&) const`.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/sum.hpp"

/// Takes the texts, not the problem and its completion.
struct OfTexts {
  double operator()(std::string const&, std::string const&) const { return 0; }
};

grove::Sum sum{grove::ExactAnswer{}, grove::weighted(2.0, OfTexts{})};
