// SPDX-License-Identifier: Apache-2.0
#include "grove/version.hpp"

#include <string>

#include "support/catch.hpp"

TEST_CASE("the written version is the three numbers") {
  std::string const numbers = std::to_string(grove::version_major) + "." + std::to_string(grove::version_minor) + "." +
                              std::to_string(grove::version_patch);
  CHECK(grove::version == numbers);
}
