// SPDX-License-Identifier: Apache-2.0
// Expected rows: tests/oracle/torch_order.py, run with torch 2.11.
#include "grove/data/torch_order.hpp"

#include <set>
#include <vector>

#include "support/catch.hpp"

using grove::data::TorchOrder;

namespace {

std::vector<std::size_t> draws(TorchOrder& order, std::uint64_t from, std::size_t count) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < count; ++i) rows.push_back(order(from + i));
  return rows;
}

}  // namespace

TEST_CASE("torch_order: the rows of the first step are torch.randperm's") {
  using Rows = std::vector<std::size_t>;
  TorchOrder small(12, 42, 12), open_rs(7000, 42, 12), open_s1(18615, 42, 12), other(7000, 7, 12);
  CHECK(draws(small, 0, 12) == Rows{6, 8, 1, 7, 0, 2, 10, 11, 4, 3, 5, 9});
  CHECK(draws(open_rs, 0, 12) == Rows{2542, 870, 2864, 5208, 6562, 3010, 418, 6942, 2654, 2222, 6878, 5832});
  CHECK(draws(open_s1, 0, 12) == Rows{3702, 3166, 4164, 457, 8244, 8110, 13096, 13851, 1067, 632, 6733, 8705});
  CHECK(draws(other, 0, 12) == Rows{1615, 4400, 61, 4671, 875, 522, 6937, 3963, 2980, 4831, 5918, 1369});
}

TEST_CASE("torch_order: the next epoch is the generator's next permutation, without the incomplete chunk") {
  using Rows = std::vector<std::size_t>;
  TorchOrder order(7000, 42, 12);
  std::uint64_t const epoch = 583 * 12;
  CHECK(draws(order, epoch, 6) == Rows{3238, 6911, 133, 3973, 688, 2712});
  // Back to the first epoch, as a resumed run may go.
  CHECK(draws(order, 0, 2) == Rows{2542, 870});
  CHECK(draws(order, epoch, 2) == Rows{3238, 6911});
  auto const all = draws(order, 0, epoch);
  CHECK(std::set<std::size_t>(all.begin(), all.end()).size() == epoch);
}

TEST_CASE("torch_order: a data set smaller than a step is an error") {
  REQUIRE_THROWS_AS(TorchOrder(11, 42, 12), grove::Error);
  REQUIRE_THROWS_AS(TorchOrder(12, 42, 0), grove::Error);
}
