// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("metrics keep the order in which they were first set and the last value") {
  grove::Metrics metrics;
  CHECK(metrics.size() == 0);
  CHECK(!metrics.find("loss"));
  metrics.set("loss", 1);
  metrics.set("reward", 2);
  metrics.set("loss", 3);
  CHECK(metrics.size() == 2);
  CHECK(metrics.find("loss") == 3.0);
  CHECK(!metrics.find("los"));
  std::vector<std::string> names;
  for (auto const& [name, value] : metrics) names.push_back(name);
  CHECK(names == std::vector<std::string>{"loss", "reward"});
}
