// expect: grove::Gate: its parts are rewards of single samples; give each a member `std::optional<double> operator()(Problem const&, Completion const&) const`.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/gate.hpp"

/// Answers of the text alone.
struct IsLong {
  bool operator()(grove::Completion const& completion) const { return completion.text.size() > 10; }
};

grove::Gate gate{IsLong{}, grove::ExactAnswer{}};
