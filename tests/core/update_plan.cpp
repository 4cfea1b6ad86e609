// SPDX-License-Identifier: Apache-2.0
#include "grove/update_plan.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "support/catch.hpp"

using grove::MicroBatch;
using grove::SequencesPerMicroBatch;
using grove::TokenBudget;
using Parts = std::vector<MicroBatch>;

namespace {

/// Units of a plan with given lengths.
struct Lengths {
  std::vector<std::size_t> lengths;
  std::size_t size() const { return lengths.size(); }
  std::size_t length(std::size_t i) const { return lengths[i]; }
};

std::vector<std::uint32_t> everything(std::size_t n) {
  std::vector<std::uint32_t> all(n);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

MicroBatch flatten(grove::Minibatch const& minibatch) {
  MicroBatch all;
  for (auto const& part : minibatch) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

TEST_CASE("a token budget is filled and not exceeded, except by one sequence alone") {
  auto const e = Lengths{{4, 4, 3, 9, 1, 0, 5}};
  CHECK(TokenBudget{8}(e, everything(7)) == Parts{{0, 1}, {2}, {3}, {4, 5, 6}});
  CHECK(TokenBudget{100}(e, everything(7)) == Parts{{0, 1, 2, 3, 4, 5, 6}});
  CHECK(TokenBudget{0}(e, everything(3)) == Parts{{0}, {1}, {2}});
  CHECK(TokenBudget{8}(e, std::vector<std::uint32_t>{6, 2}) == Parts{{6, 2}});
  CHECK(TokenBudget{8}(e, {}).empty());
}

TEST_CASE("a fixed number of sequences, the last micro-batch with the rest") {
  auto const e = Lengths{{1, 1, 1, 1, 1}};
  CHECK(SequencesPerMicroBatch{2}(e, everything(5)) == Parts{{0, 1}, {2, 3}, {4}});
  CHECK(SequencesPerMicroBatch{5}(e, everything(5)) == Parts{{0, 1, 2, 3, 4}});
}

TEST_CASE("one update keeps the order of the batch") {
  auto const e = Lengths{{3, 3, 3}};
  auto const plan = grove::plan_updates(e, SequencesPerMicroBatch{2}, 1, 1, 5, 0);
  REQUIRE(plan.size() == 1);
  CHECK(plan[0] == Parts{{0, 1}, {2}});
}

TEST_CASE("each epoch trains on every sequence once, in an order of its own") {
  auto const e = Lengths{std::vector<std::size_t>(50, 2)};
  auto const plan = grove::plan_updates(e, TokenBudget{16}, 3, 4, 5, 7);
  REQUIRE(plan.size() == 12);
  std::vector<MicroBatch> epochs;
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    MicroBatch seen;
    for (std::size_t m = 0; m < 4; ++m) {
      auto const part = flatten(plan[epoch * 4 + m]);
      CHECK((part.size() == 12 || part.size() == 13));
      seen.insert(seen.end(), part.begin(), part.end());
    }
    CHECK(std::ranges::is_permutation(seen, everything(50)));
    for (auto const& other : epochs) CHECK(seen != other);
    CHECK(seen != everything(50));
    epochs.push_back(seen);
  }
}

TEST_CASE("the shuffle depends on seed, step and epoch only") {
  auto const e = Lengths{std::vector<std::size_t>(50, 2)};
  auto const plan = [&](std::uint64_t seed, std::uint64_t step, std::size_t epochs = 1) {
    return grove::plan_updates(e, TokenBudget{16}, epochs, 2, seed, step);
  };
  CHECK(plan(1, 0) == plan(1, 0));
  CHECK(plan(1, 0) != plan(2, 0));
  CHECK(plan(1, 0) != plan(1, 1));
  auto const longer = plan(1, 0, 3);
  CHECK(grove::UpdatePlan(longer.begin(), longer.begin() + 2) == plan(1, 0));
}

TEST_CASE("there is no update without anything to train on") {
  CHECK(grove::plan_updates(Lengths{}, TokenBudget{16}, 2, 3, 5, 0).empty());
  CHECK(grove::plan_updates(Lengths{{4, 4}}, TokenBudget{16}, 1, 3, 5, 0).size() == 2);
}

TEST_CASE("a micro-batch of no sequences is refused") {
  CHECK_THROWS_AS(SequencesPerMicroBatch{0}(Lengths{{1}}, everything(1)), grove::Error);
}
