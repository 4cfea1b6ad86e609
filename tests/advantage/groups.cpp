// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/groups.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace grove;

TEST_CASE("groups gather samples that lie apart, in their order, and leave out what nobody judged") {
  Episodes episodes;
  for (std::uint32_t const id : {4, 1, 4, 1, 9, 4}) episodes.add(1, id, false);
  RewardMatrix const matrix;
  std::vector<double> const reward = {1, 2, 3, 4, 5, 6};
  std::vector<std::uint8_t> const valid = {1, 1, 0, 1, 1, 1};
  EstimatorInput<double> in{.episodes = episodes, .rewards = matrix, .reward = reward};
  in.valid = valid;
  GroupedRewards const grouped(in);
  REQUIRE(grouped.groups.size() == 3);
  CHECK(grouped.groups.sequences() == 5);
  auto const members = [&](std::size_t g) {
    auto const group = grouped.groups[g];
    return std::vector<std::uint32_t>(group.begin(), group.end());
  };
  CHECK(members(0) == std::vector<std::uint32_t>{1, 3});
  CHECK(members(1) == std::vector<std::uint32_t>{0, 5});
  CHECK(members(2) == std::vector<std::uint32_t>{4});
  CHECK(grouped.moments(1).mean() == 3.5);
  CHECK(grouped.moments().size() == 3);
  CHECK(grouped.total[2] == 0);
}

TEST_CASE("a group of one has nothing to be compared with") {
  CHECK_NOTHROW(detail::require_group(2));
  CHECK_THROWS_AS(detail::require_group(1), Error);
  CHECK(detail::scaled(3, 0) == 0);
  CHECK(detail::scaled(3, 2) == 1.5);
}
