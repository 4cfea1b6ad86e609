// SPDX-License-Identifier: Apache-2.0
#include "open_rs/rank_device.hpp"

#include "support/catch.hpp"

using open_rs::device_of_rank;

TEST_CASE("processes: each rank of a machine has a GPU of its own, in turn") {
  CHECK(device_of_rank(0, 4, "") == "0");
  CHECK(device_of_rank(3, 4, "") == "3");
  CHECK(device_of_rank(5, 4, "") == "1");
  CHECK(device_of_rank(1, 2, "2,GPU-8932f937") == "GPU-8932f937");
  CHECK(device_of_rank(2, 2, "2,3") == "2");
  CHECK(device_of_rank(1, 1, "").empty());
  CHECK(device_of_rank(0, 0, "").empty());
}
