// SPDX-License-Identifier: Apache-2.0
#include "grove/data/jsonl.hpp"

#include <sstream>

#include "io/helpers.hpp"

using namespace grove::data;
using grove::test::contains;
using grove::test::error_of;
using grove::test::TemporaryFolder;

namespace {

std::vector<std::string> texts(std::string const& input) {
  std::istringstream stream(input);
  JsonlReader reader(stream, "stdin");
  std::vector<std::string> lines;
  while (auto line = reader.next()) lines.push_back((line->is_json() ? "J" : "T") + line->text);
  return lines;
}

}  // namespace

TEST_CASE("lines are JSON if they start with a brace, else text") {
  using Lines = std::vector<std::string>;
  CHECK(texts("{\"a\":1}\nplain\n\n [1]\n  {}") == Lines{"J{\"a\":1}", "Tplain", "T", "T [1]", "J  {}"});
  CHECK(texts("").empty());
  CHECK(texts("\n") == Lines{"T"});
  CHECK(texts("a") == Lines{"Ta"});
  CHECK(texts("\xef\xbb\xbf{}\r\nb\r\n") == Lines{"J{}", "Tb"});
  std::string const nul("a\0b", 3);
  CHECK(texts(nul + "\nc") == Lines{"T" + nul, "Tc"});
  for (std::size_t const length : {16382, 16383, 16384, 32766, 32767, 100000}) {  // around the reader's buffer
    std::string const word(length, 'x');
    CHECK(texts(word + "\n" + word + "\nb") == Lines{"T" + word, "T" + word, "Tb"});
  }
}

TEST_CASE("a bad line is named, after all earlier ones were given") {
  std::istringstream stream("ok\n{\"a\":1}\n{\"a\":}\nnever");
  JsonlReader reader(stream, "stdin");
  CHECK(reader.next()->text == "ok");
  CHECK(reader.next()->json["a"] == 1);
  CHECK(contains(error_of([&] { reader.next(); }), "stdin:3: column 6: "));

  auto const error = [](std::string const& input, JsonlReader::Limits limits = {}) {
    std::istringstream in(input);
    JsonlReader lines(in, "stdin", limits);
    return error_of([&] {
      while (lines.next()) {
      }
    });
  };
  CHECK(error("a\nb\xff\n") == "stdin:2: is not valid UTF-8; expected text in UTF-8");
  CHECK(contains(error("{\"a\":\"\xff\"}"), "stdin:1: column "));
  CHECK(contains(error("a\n0123456789\n", {.line_bytes = 9}), "stdin:2: is longer than 9 bytes"));
  CHECK(contains(error("{\"a\":[[[]]]}", {.depth = 3}), "stdin:1: column 8: nested deeper than 3"));
  CHECK(contains(error("{} {}"), "stdin:1: column 4"));
}

TEST_CASE("a file is read by name") {
  TemporaryFolder folder;
  JsonlReader reader(folder.write("d.jsonl", "{\"a\":1}\n"));
  CHECK(reader.next()->where == folder / "d.jsonl:1");
  CHECK(!reader.next());
  CHECK(!reader.next());
  CHECK(contains(error_of([&] { JsonlReader(folder / "none.jsonl"); }), "none.jsonl: cannot be opened: No such file"));
  CHECK(contains(error_of([&] { JsonlReader(folder.path().string()); }), "cannot be opened: Is a directory"));
}
