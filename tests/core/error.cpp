// SPDX-License-Identifier: Apache-2.0
#include "grove/error.hpp"

#include <stdexcept>
#include <string>

#include "support/catch.hpp"

TEST_CASE("an error is one line, with the empty parts left out") {
  using grove::Error;
  CHECK(std::string(Error("config.json", "no key \"x\"").what()) == "config.json: no key \"x\"");
  CHECK(std::string(Error("a", "b", "c").what()) == "a: b; expected c");
  CHECK(std::string(Error("a", "b", "", "d").what()) == "a: b; d");
  CHECK(std::string(Error("a", "b", "c", "d").what()) == "a: b; expected c; d");
}

TEST_CASE("an error keeps its parts and is a runtime_error") {
  try {
    throw grove::Error("where", "what", "expected", "fix");
  } catch (std::runtime_error const& caught) {
    auto const& e = dynamic_cast<grove::Error const&>(caught);
    CHECK(e.where == "where");
    CHECK(e.problem == "what");
    CHECK(e.expected == "expected");
    CHECK(e.fix == "fix");
  }
}
