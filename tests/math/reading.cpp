// SPDX-License-Identifier: Apache-2.0
#include "grove/math/reading.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace grove::math;
using nlohmann::json;

TEST_CASE("normalisation, step for step") {
  Normalizer normalize;
  Normalization const all;
  auto const full = [&](std::string const& text) { return std::string(normalize(text, all)); };
  CHECK(full("\\left( 1, 2 \\right)") == "( 1, 2 )");
  CHECK(full("\\dfrac{1}{2}") == "\\frac{1}{2}");
  CHECK(full("\\frac12") == "\\frac{1}{2}");
  CHECK(full("\\sqrt3") == "\\sqrt{3}");
  CHECK(full("5\\text{ cm}^2") == "5");
  CHECK(full("5 km") == "5");
  CHECK(full("x m") == "x");
  CHECK(full("50 percent") == "50\\%");
  CHECK(full("1 \\text{ and } 2") == "1, 2");
  CHECK(full("11,\\! 111") == "11,111");
  CHECK(full("\\mathrm{x}") == "\\text{x}");
  CHECK(full("(-\\infty, infinity)") == "(-\\infty, \\infty)");
  CHECK(full("3/4") == "\\frac{3}{4}");
  CHECK(full("0.5") == "\\frac{1}{2}");
  CHECK(normalize("a = b = c", {.equations = true}) == "c");
  CHECK(normalize("\\frac12", {.malformed_operators = false}) == "\\frac12");
  CHECK(normalize(std::string(5000, '1'), all).empty());
}

ReadOptions options_of(json const& row) {
  std::string const config = row["config"];
  ReadOptions out{.targets = {}, .first_match = row["extraction_mode"] == "first_match"};
  if (config.find("latex") != std::string::npos) {
    out.targets.latex = LatexTarget{};
    if (config.find("boxed_prio=0") != std::string::npos) out.targets.latex->box_priority = 0;
  }
  if (config.find("expr") != std::string::npos) out.targets.expression = ExpressionTarget{};
  return out;
}

TEST_CASE("the texts that Math-Verify extracts, and whether it can read them") {
  auto const rows = grove::test::read_rows(grove::test::golden_path("mathverify_extraction_cases.jsonl"));
  if (rows.empty()) {
    WARN("the golden data are not there: skipped");
    return;
  }
  Arena arena;
  Reader reader;
  Reading reading;
  for (json const& row : rows) {
    if (row["kind"] != "parse" || row["extracted"].is_null() ||
        row["id"].get<std::string>().starts_with("test_configs")) {
      continue;
    }
    arena.reset();
    reader.read(arena, row["text"].get<std::string>(), options_of(row), reading);
    INFO(row["text"]);
    CHECK(reading.text == row["extracted"].get<std::string>());
    CHECK(static_cast<bool>(reading.value) == (row["parsed_type"] != "str" && !row["parsed_type"].is_null()));
  }
}

TEST_CASE("the bench's rows are read as Math-Verify reads them") {
  auto const rows = grove::test::read_rows(grove::test::golden_path("mathverify_bench_dev.jsonl"));
  ReadOptions const gold{.targets = {.latex = LatexTarget{}, .expression = ExpressionTarget{}}, .first_match = true};
  Arena arena;
  Reader reader;
  Reading reading;
  int different = 0;
  for (json const& row : rows) {
    arena.reset();
    reader.read(arena, row["gold"].get<std::string>(), gold, reading);
    bool read = false;
    std::string text;
    for (std::string const item : row["mv_gold"]) {
      if (item.starts_with("str:")) {
        text = item.substr(4);
      } else {
        read = true;
      }
    }
    different += read != static_cast<bool>(reading.value) || text != reading.text ? 1 : 0;
  }
  CHECK(different == 0);
}

}  // namespace
