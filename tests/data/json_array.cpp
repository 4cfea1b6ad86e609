// SPDX-License-Identifier: Apache-2.0
#include "grove/data/json_array.hpp"

#include <sstream>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "support/catch.hpp"

namespace {

using grove::io::Json;

/// The array's elements, or what is wrong.
struct Read {
  Json rows = Json::array();
  std::string error{};
};

Read in_pieces(std::string const& text, grove::data::ElementLimits limits = {}) {
  std::istringstream in(text);
  Read read;
  try {
    grove::data::for_each_element(
        in, "f", [&](std::string const&, Json&& row) { read.rows.push_back(std::move(row)); }, limits);
  } catch (grove::Error const& e) {
    read.error = e.what();
  }
  return read;
}

/// The same by the parser of whole texts.
Read at_once(std::string const& text) {
  Read read;
  try {
    Json const all = grove::io::parse_json(text, "f");
    if (!all.is_array()) return {.error = "no array"};
    for (Json const& row : all)
      if (!row.is_object()) return {.error = "no object"};
    read.rows = all;
  } catch (grove::Error const& e) {
    read.error = e.what();
  }
  return read;
}

std::string const sample =
    " [ {\"a\": \"x ],[ } \\\" \\\\\", \"b\": [1, {\"c\": []}]} ,\n{\"k\":\"\xc3\xa9\",\"n\":-1.5e3},{}\r\n\t]\n ";

}  // namespace

TEST_CASE("json_array: rows come as in the whole text") {
  auto const read = in_pieces(sample);
  REQUIRE(read.error.empty());
  CHECK(read.rows == grove::io::parse_json(sample, "f"));
  CHECK(in_pieces("[]").error.empty());
  CHECK(in_pieces("[]").rows.empty());
  CHECK(in_pieces("\xef\xbb\xbf[{}]").rows.size() == 1);
}

TEST_CASE("json_array: what the parser of whole texts refuses is refused, and nothing else") {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    texts.push_back(sample.substr(0, i));
    texts.push_back(sample.substr(0, i) + sample.substr(i + 1));
    for (char const letter : std::string("[]{},:\"\\ 1x\n\xff") + '\0')
      texts.push_back(sample.substr(0, i) + letter + sample.substr(i));
  }
  std::size_t good = 0;
  for (auto const& text : texts) {
    auto const pieces = in_pieces(text), whole = at_once(text);
    INFO(text << "\n" << pieces.error << "\n" << whole.error);
    CHECK(pieces.error.empty() == whole.error.empty());
    if (whole.error.empty()) {
      ++good;
      CHECK(pieces.rows == whole.rows);
    }
  }
  CHECK(good > 100);
}

TEST_CASE("json_array: errors name line and column of the file, and come behind the rows before") {
  auto const refused = [](std::string const& text, std::string const& words, std::size_t before = 0) {
    auto const read = in_pieces(text);
    INFO(read.error);
    CHECK(read.error.find(words) == 0);
    CHECK(read.rows.size() == before);
  };
  std::string const good = "[{\"a\":1},\n ";
  for (auto const* bad : {"{\"a\":01}]", "{\n\"a\": tru}]", "{\"a\":1,\"a\":2}]", "{\"a\":NaN}]"}) {
    auto const whole = at_once(good + bad).error;
    refused(good + bad, whole.substr(0, whole.find(' ')), 1);
  }
  refused(good + "{\"a\":1}", "f:2:9: the array has no end", 1);
  refused(good + "]", "f:2:2: there is no row beside the comma", 1);
  refused(good + "7]", "f:row 1: is 7; expected an object", 1);
  refused("[{}] 1", "f:1:6: there is text behind the array", 1);
  refused("{}", "f:1:1: is no array");
  refused("", "f:1:1: is no array");
}

TEST_CASE("json_array: rows are bounded in size and depth") {
  std::string const deep = "[{\"a\":" + std::string(20, '[') + std::string(20, ']') + "}]";
  CHECK(in_pieces(deep, {.depth = 21}).error.empty());
  CHECK(in_pieces(deep, {.depth = 20}).error.find("nested deeper than 20") != std::string::npos);
  CHECK(in_pieces(deep, {.bytes = 46}).error.empty());
  CHECK(in_pieces(deep, {.bytes = 45}).error.find("longer than 45 bytes") != std::string::npos);
}
