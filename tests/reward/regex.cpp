// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/regex.hpp"

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "grove/concepts.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using grove::Pattern;
using grove::Regex;
using test::asks;
using test::says;

static_assert(grove::Reward<Regex>);

TEST_CASE("a regex scores 1 where it is found") {
  CHECK(Regex("\\bthe answer is (\\d+|none)\\.$")(asks(""), says("So the answer is 42.")) == 1);
  CHECK(Regex("\\bthe answer is (\\d+|none)\\.$")(asks(""), says("So the answer is x.")) == 0);
  CHECK(Regex("^<think>\\n.*\\n</think>$", {.dot_all = true})(asks(""), says("<think>\na\nb\n</think>")) == 1);
  CHECK(Regex("")(asks(""), says("")) == 1);
}

TEST_CASE("patterns find what Python's re finds") {
  auto const cases = nlohmann::json::parse(std::ifstream(std::string(GROVE_TEST_DATA) + "/reward/regex.json"));
  std::size_t found = 0, all = 0;
  for (auto const& one : cases) {
    Pattern const pattern(one.at("pattern").get<std::string>(),
                          {one.at("flags")[0], one.at("flags")[1], one.at("flags")[2]});
    for (std::size_t i = 0; i < one.at("texts").size(); ++i) {
      INFO(one.dump() << " text " << i);
      bool const expected = one.at("found")[i];
      REQUIRE(pattern.found_in(one.at("texts")[i].get<std::string>()) == expected);
      found += expected;
      ++all;
    }
  }
  CHECK(found > all / 4);
  CHECK(found < 3 * all / 4);
}

TEST_CASE("a pattern that cannot be read is refused with its place") {
  for (auto const* bad : {"(", ")", "a)", "[a", "*a", "a**", "(?=a)", "(?<n>a)", "\\1", "a{3,2}", "[b-a]", "\\", "\\q",
                          "(a{1000}){1000}", "a{99999999999999999999}"})
    CHECK_THROWS_AS(Pattern(bad), grove::Error);
  CHECK_THROWS_AS(Pattern(std::string(1000, '(') + std::string(1000, ')')), grove::Error);
  std::string message;
  try {
    Pattern("ab(?=c)");
  } catch (grove::Error const& e) {
    message = e.what();
  }
  CHECK(message ==
        "pattern 'ab(?=c)': a group of this kind at character 4; back-references and lookaround are not part of these "
        "patterns");
}

TEST_CASE("patterns that ruin other engines run in time linear in the text") {
  std::string const many(100'000, 'a');
  auto const begin = std::chrono::steady_clock::now();
  CHECK(!Pattern("(a+)+$").found_in(many + "b"));
  CHECK(!Pattern("(a|aa)+b").found_in(many));
  CHECK(!Pattern("(.*)*(.*)*x").found_in(many));
  CHECK(Pattern("(a*)*").found_in(many));
  CHECK(!Pattern("a{1,500}b").found_in(std::string(2'000, 'a')));
  auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(seconds < 20);  // others would not end
}

TEST_CASE("invalid UTF-8 is some character") {
  CHECK(
      Pattern("^a.b$").found_in("a\xFF"
                                "b"));
  CHECK(Pattern("\xC3\xA9").found_in("caf\xC3\xA9"));
  CHECK(!Pattern("^.$").found_in("\xFF\xFF"));
}
