// SPDX-License-Identifier: Apache-2.0
#include "grove/math/parser.hpp"

#include <string>
#include <string_view>

#include "grove/math/normalize.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace grove::math;

std::string strict(std::string const& text) {
  Arena arena;
  Parser parser;
  Parsed const parsed = parser.strict(arena, text);
  return parsed.value ? to_string(arena, parsed.value) : "? " + std::string(parsed.problem);
}

std::string compatible(std::string const& text) {
  Arena arena;
  Parser parser;
  Parsed const parsed = parser.compatible(arena, text);
  return parsed.value ? to_string(arena, parsed.value) : "? " + std::string(parsed.problem);
}

TEST_CASE("strict: numbers in all their forms") {
  for (std::string_view const text : {"1234", "1,234", "1{,}234", "1\\,234", "1 234", "1,\\!234", "1~234", "\\$1234",
                                      "1234.", "\\text{1234}", "\\mathbf{1234}", "$1234$", "1234\\,"}) {
    INFO(text);
    CHECK(strict(std::string(text)) == "1234");
  }
  CHECK(strict(".5") == "0.5");
  CHECK(strict("1\\text{.5}") == "1.5");
  CHECK(strict("2.5e3") == "2500.");
  CHECK(strict("3\\frac12") == "7/2");
  CHECK(strict("-3\\frac{1}{2}") == "-7/2");
  CHECK(strict("3\\frac{5}{2}") == "3*(5/2)");
  CHECK(strict("50\\%") == "50%");
  CHECK(strict("50 \\text{ percent}") == "50%");
  CHECK(strict("204_5") == "54 (base 5)");
  CHECK(strict("(204)_{5}") == "54 (base 5)");
  CHECK(strict("1/0") == "undefined");
}

TEST_CASE("strict: juxtaposition multiplies; two numbers side by side are nothing") {
  CHECK(strict("2(5)") == "2*5");
  CHECK(strict("7 10") == "? two numbers side by side");
  CHECK(strict("2x") == "2*x");
  CHECK(strict("\\frac12") == "1/2");
  CHECK(strict("\\sqrt5") == "5^(1/2)");
  CHECK(strict("x^10") == "x^10");
}

TEST_CASE("strict: units belong to the end of a value") {
  CHECK(strict("5 \\text{ cm}") == "5 cm");
  CHECK(strict("5 \\mathrm{~cm}^2") == "5 cm^2");
  CHECK(strict("5 miles") == "5 miles");
  CHECK(strict("27\\text{ cm} + \\frac{1}{2}").starts_with("?"));
}

TEST_CASE("strict: lists, sets, tuples, intervals, relations") {
  CHECK(strict("1, 2 \\text{ and } 3") == "1, 2, 3");
  CHECK(strict("1 or 2") == "1, 2");
  CHECK(strict("\\{1,2\\}") == "{1, 2}");
  CHECK(strict("(1,2]") == "(1, 2]");
  CHECK(strict("(1,2)") == "(1, 2)");
  CHECK(strict("x = 1, 2") == "x = (1, 2)");
  CHECK(strict("1 < x \\le 2") == "1 < x and x <= 2");
  CHECK(strict("\\pm 3") == "+-3");
  CHECK(strict("\\{x \\mid x > 1\\}").find("x > 1") != std::string::npos);
}

TEST_CASE("compatible: what Math-Verify's grammar makes of things") {
  CHECK(compatible("2(5)") == "7");
  CHECK(compatible("7 10") == "17");
  CHECK(compatible("1,000") == "1000");
  CHECK(compatible("1, 000") == "1, 0");
  CHECK(compatible("204_5") == "204");
  CHECK(compatible("X") == "x");
  CHECK(compatible("\\frac12").starts_with("?"));
  CHECK(compatible("5.").starts_with("?"));
  CHECK(compatible("a = b = 3") == "a = b and b = 3");
  CHECK(compatible("x \\in \\{1, 2\\}") == "x = {1, 2}");
  CHECK(compatible("1 \\pm 2, 3") == "1 + 2, 1 + -2, 3");
}

TEST_CASE("everything is read that latex2sympy reads in its own tests") {
  auto const rows = grove::test::read_rows(grove::test::golden_path("latex2sympy_parse_cases.jsonl"));
  Normalizer normalize;
  Parser parser;
  Arena arena;
  for (auto const& row : rows) {
    if (!row["passes"].get<bool>() || row["actual_str"].is_null()) continue;
    // latex2sympy's own command, and a character by its number.
    auto const& latex = row["latex"].get_ref<std::string const&>();
    if (latex.find("\\variable") != std::string::npos || latex.find("\\char") != std::string::npos) continue;
    Normalization const basic{.units = false, .malformed_operators = false, .nits = false};
    arena.reset();
    std::string const text(normalize(row["latex"].get<std::string>(), basic));
    INFO(row["id"] << " " << text);
    CHECK(parser.compatible(arena, text).value);
  }
}

}  // namespace
