// expect: grove::Terms: an argument after the first is no term;
// SPDX-License-Identifier: Apache-2.0
// A term that must have seen the whole batch is not evaluated token by token instead.
#include "grove/algorithms.hpp"

struct OverBatchTerm : grove::EntropyBonus {
  static constexpr grove::Scope scope = grove::Scope::Batch;
};

grove::Terms<grove::TokenMean<>, OverBatchTerm> objective;
