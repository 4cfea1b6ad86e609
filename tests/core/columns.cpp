// SPDX-License-Identifier: Apache-2.0
#include "grove/columns.hpp"

#include "support/catch.hpp"

using grove::Column;
using grove::ColumnSet;

constexpr ColumnSet log_probs = Column::LogProb | Column::RefLogProb;

static_assert(ColumnSet().empty() && !log_probs.empty());
static_assert(log_probs.contains(Column::LogProb) && log_probs.contains(Column::RefLogProb));
static_assert(!log_probs.contains(Column::Entropy));
static_assert(log_probs == ColumnSet{Column::RefLogProb, Column::LogProb});
static_assert((log_probs | Column::Entropy) == ColumnSet{Column::LogProb, Column::RefLogProb, Column::Entropy});
static_assert((log_probs & ColumnSet{Column::LogProb, Column::Value}) == ColumnSet(Column::LogProb));
static_assert(log_probs - Column::LogProb == ColumnSet(Column::RefLogProb));
static_assert((log_probs - log_probs).empty());

TEST_CASE("every column is a bit of its own") {
  ColumnSet all;
  for (auto column : {Column::LogProb, Column::OldLogProb, Column::RolloutLogProb, Column::RefLogProb, Column::Entropy,
                      Column::SumSquares, Column::Value, Column::OldValue}) {
    CHECK(!all.contains(column));
    all = all | column;
    CHECK(all.contains(column));
  }
}
