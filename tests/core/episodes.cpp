// SPDX-License-Identifier: Apache-2.0
#include "grove/episodes.hpp"

#include <cstdint>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("sequences are packed one after another, empty ones too") {
  grove::Episodes e;
  CHECK(e.sequences() == 0);
  CHECK(e.tokens() == 0);
  CHECK(e.chosen().empty());
  e.add(3, 7, false);
  e.add(0, 7, true);
  e.add(2, 9, true);
  CHECK(e.sequences() == 3);
  CHECK(e.tokens() == 5);
  CHECK(e.length(0) == 3);
  CHECK(e.length(1) == 0);
  CHECK(e.length(2) == 2);
  CHECK(e.cu_seqlens == std::vector<std::size_t>{0, 3, 3, 5});
  CHECK(e.group == std::vector<std::uint32_t>{7, 7, 9});
  CHECK(e.truncated == std::vector<std::uint8_t>{0, 1, 1});
}

TEST_CASE("the policy chose every token outside the environment's ranges") {
  grove::Episodes e;
  e.add(6, 0, false);
  CHECK(e.chosen() == std::vector<std::uint8_t>(6, 1));
  e.environment = {{1, 3}, {4, 4}, {5, 6}};
  CHECK(e.chosen() == std::vector<std::uint8_t>{1, 0, 0, 1, 1, 0});
}

TEST_CASE("tokens of chosen sequences are counted") {
  grove::Episodes e;
  for (std::size_t const n : {3, 0, 2, 10}) e.add(n, 0, false);
  CHECK(grove::count_tokens(e, std::vector<std::uint32_t>{3, 1, 0}) == 13);
  CHECK(grove::count_tokens(e, {}) == 0);
}
