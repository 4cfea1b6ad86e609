// SPDX-License-Identifier: Apache-2.0
#include "grove/io/json.hpp"

#include <limits>

#include "io/helpers.hpp"

using namespace grove::io;
using grove::test::contains;
using grove::test::error_of;
using grove::test::TemporaryFolder;

TEST_CASE("JSON keeps its order and its values") {
  Json const json =
      parse_json(R"({"z": [1, -2, 3.5, 18446744073709551615], "a": {"b": null, "c": true}, "é": "\u00e9\n"})", "x");
  CHECK(json.dump() == R"({"z":[1,-2,3.5,18446744073709551615],"a":{"b":null,"c":true},"é":"é\n"})");
  CHECK(parse_json("  7 ", "x") == 7);
  CHECK(parse_json("[]", "x").empty());
}

TEST_CASE("a syntax error says where it is") {
  auto const error = [](std::string_view text) { return error_of([&] { parse_json(text, "f.json"); }); };
  CHECK(contains(error("{\n  \"a\": 1,\n  \"b\": x\n}"), "f.json:3:8: syntax error"));
  CHECK(contains(error(""), "f.json:1:1: syntax error"));
  CHECK(contains(error("[1, 2"), "f.json:1:"));
  CHECK(contains(error("[1] 2"), "f.json:1:5: "));
  CHECK(contains(error("{\"a\": \"\xff\"}"), "ill-formed UTF-8"));
  CHECK(contains(error("{\"a\": 1e999}"), "1e999"));
  CHECK(contains(error("{\"a\": NaN}"), "f.json:1:"));
  CHECK(contains(error("{\"a\":1,\n\"a\":2}"), "f.json:2:3: the key \"a\" stands twice"));
  CHECK(error("{\"a\": \"" + std::string(100000, 'x') + "\n").size() < 500);
  CHECK(contains(error_of([] { parse_json_line("{\"a\" 1}", "d.jsonl:17"); }), "d.jsonl:17: column 6: "));
}

TEST_CASE("a number that is not finite is named with its place") {
  auto const error = [](std::string_view text) { return error_of([&] { parse_json_line(text, "stdin:3"); }); };
  CHECK(error(R"({"x":[1,[2]],"log_probs":[[-1],[-2,NaN]]})") ==
        "stdin:3: column 36: log_probs[1][1] is NaN; expected a finite number");
  CHECK(error(R"({"a":{"b":1,"c":[-Infinity,2]}})") ==
        "stdin:3: column 19: a.c[0] is -Infinity; expected a finite number");
  CHECK(error(R"({"a":[],"b": inf })") == "stdin:3: column 14: b is inf; expected a finite number");
  CHECK(contains(error(R"([0,1e999])"), ": [1] is 1e999; expected a finite number"));
  CHECK(error("NaN") == "stdin:3: column 1: NaN; expected a finite number");
  CHECK(contains(error(R"({"a\nb":NaN})"), R"(: a\nb is NaN; )"));
  // Neither is one of them.
  CHECK(contains(error(R"({"a":"NaN)"), "missing closing quote"));
  CHECK(contains(error(R"({"a":NaNs})"), "invalid literal"));
}

TEST_CASE("depth and size are bounded") {
  auto const nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK(parse_json(nested(256), "x").is_array());
  CHECK(contains(error_of([&] { parse_json(nested(257), "x"); }), "x:1:257: nested deeper than 256 levels"));
  CHECK(contains(error_of([&] { parse_json(std::string(10'000'000, '['), "x"); }), "nested deeper"));
  CHECK(contains(error_of([&] { parse_json(nested(5), "x", {.depth = 8, .bytes = 9}); }),
                 "10 bytes of JSON, more than the limit of 9"));
  TemporaryFolder folder;
  std::string const path = folder.write("big.json", nested(100));
  CHECK(contains(error_of([&] { read_json_file(path, {.depth = 256, .bytes = 50}); }),
                 "big.json: is larger than 50 bytes"));
  CHECK(contains(error_of([&] { read_json_file(folder / "none.json"); }), "none.json: cannot be opened: No such file"));
  CHECK(contains(error_of([&] { read_json_file(folder.path().string()); }), "cannot be read: Is a directory"));
}

TEST_CASE("a big object is read in linear time") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
  CHECK(parse_json(text + "}", "x").size() == 200'000);  // a quadratic way takes minutes
}

TEST_CASE("typed fields name the key, its value and what was expected") {
  Json const json =
      parse_json(R"({"i": 3, "n": -4, "f": 2.5, "s": "x", "b": true, "null": null, "big": 18446744073709551615})", "x");
  JsonFields const fields(json, "c.json");
  CHECK(fields.required<std::size_t>("i") == 3);
  CHECK(fields.required<std::int64_t>("n") == -4);
  CHECK(fields.required<double>("i") == 3.0);
  CHECK(fields.required<double>("f") == 2.5);
  CHECK(fields.required<std::string>("s") == "x");
  CHECK(fields.required<bool>("b"));
  CHECK(fields.required<std::size_t>("big") == std::numeric_limits<std::uint64_t>::max());
  CHECK(!fields.optional<bool>("null"));
  CHECK(fields.value_or<std::size_t>("none", 9) == 9);
  CHECK(error_of([&] { fields.required<std::size_t>("n"); }) == "c.json: key \"n\" is -4; expected an integer >= 0");
  CHECK(error_of([&] { fields.required<std::int64_t>("big"); }) ==
        "c.json: key \"big\" is 18446744073709551615; expected an integer");
  CHECK(error_of([&] { fields.required<std::int64_t>("f"); }) == "c.json: key \"f\" is 2.5; expected an integer");
  CHECK(error_of([&] { fields.required<bool>("i"); }) == "c.json: key \"i\" is 3; expected true or false");
  CHECK(error_of([&] { fields.optional<double>("s"); }) == "c.json: key \"s\" is \"x\"; expected a number");
  CHECK(error_of([&] { fields.required<std::string>("none"); }) ==
        "c.json: key \"none\" is missing; expected a string");
  CHECK(error_of([&] { JsonFields(json["i"], "c.json"); }) == "c.json: is 3; expected a JSON object");
}
