// SPDX-License-Identifier: Apache-2.0
#include "grove/io/json_line.hpp"

#include <bit>
#include <limits>
#include <random>

#include "grove/io/json.hpp"
#include "support/catch.hpp"

using namespace grove::io;

TEST_CASE("a line is written in the order of the calls") {
  std::vector<float> const floats{0.1f, -3.0f, std::numeric_limits<float>::infinity()};
  std::vector<std::int32_t> const ids{1, -2};
  std::string const text = JsonLine()
                               .field("id", 7)
                               .field("loss", 0.1)
                               .field("nan", std::numeric_limits<double>::quiet_NaN())
                               .field("text", "a \"b\"\n\xff")
                               .field("log_probs", std::span<const float>(floats))
                               .field("ids", std::span<const std::int32_t>(ids))
                               .field("empty", std::span<const double>())
                               .field("yes", true)
                               .field("none", nullptr)
                               .raw("raw", "{}")
                               .text();
  CHECK(text ==
        "{\"id\":7,\"loss\":0.1,\"nan\":null,\"text\":\"a \\\"b\\\"\\n\xef\xbf\xbd\",\"log_probs\":[0.1,-3.0,null],"
        "\"ids\":[1,-2],\"empty\":[],\"yes\":true,\"none\":null,\"raw\":{}}");
  CHECK(JsonLine().text() == "{}");
}

TEST_CASE("numbers read back as they were, and whole ones stay fractions") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::uint64_t const bits = random();
    auto const single = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    auto const full = std::bit_cast<double>(bits);
    std::string text;
    append_number(text, single);
    if (std::isfinite(single)) REQUIRE(static_cast<float>(parse_json(text, "x").get<double>()) == single);
    text.clear();
    append_number(text, full);
    if (std::isfinite(full)) REQUIRE(parse_json(text, "x").get<double>() == full);
  }
  for (double const value : {0.0, 3.0, -1e15, 1e300}) {
    std::string text;
    append_number(text, value);
    CHECK(parse_json(text, "x").is_number_float());
  }
}
