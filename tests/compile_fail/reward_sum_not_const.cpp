// expect: grove::Sum: an element is no reward;
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/sum.hpp"

/// Counts its calls, which threads could not do together.
struct Counting {
  int calls = 0;
  double operator()(grove::Problem const&, grove::Completion const&) { return ++calls; }
};

grove::Sum sum{Counting{}};
