// SPDX-License-Identifier: Apache-2.0
#include "grove/math/closed_form.hpp"

#include <string>
#include <string_view>

#include "grove/math/parser.hpp"
#include "support/catch.hpp"

namespace {

using namespace grove::math;

/// A piece of LaTeX with what has a closed form worked out.
std::string worked_out(std::string_view latex, std::int64_t fuel = 20'000) {
  Arena arena;
  Parser parser;
  Fuel left(fuel);
  Expr const read = parser.strict(arena, latex).value;
  REQUIRE(read);
  return to_string(arena, detail::closed_forms(arena, read, left));
}

bool stays(std::string_view latex, std::int64_t fuel = 20'000) {
  Arena arena;
  Parser parser;
  Fuel left(fuel);
  Expr const read = parser.strict(arena, latex).value;
  REQUIRE(read);
  return detail::closed_forms(arena, read, left) == read;
}

}  // namespace

TEST_CASE("limits of quotients of polynomials, sums of geometric terms, integrals of polynomials", "[fast]") {
  CHECK(worked_out("\\lim_{x\\to 1}\\frac{x^2-1}{x-1}") == "2");
  CHECK(worked_out("\\lim_{x\\to 1}\\frac{(x-1)^2}{x^2-1}") == "0");
  CHECK(worked_out("\\lim_{x\\to\\infty}\\frac{2x^2+1}{3x^2-x}") == "2/3");
  CHECK(worked_out("\\lim_{x\\to\\infty}\\frac{1}{x}") == "0");
  CHECK(worked_out("\\lim_{x\\to\\infty}(x-x^2)") == "(-1)*oo");
  CHECK(worked_out("\\lim_{x\\to-\\infty}x^3") == "(-1)*oo");
  CHECK(worked_out("\\sum_{n=0}^{\\infty}\\frac{1}{2^n}") == "2");
  CHECK(worked_out("\\sum_{n=2}^{\\infty}\\frac{3}{4^n}") == "1/4");
  CHECK(worked_out("\\sum_{n=1}^{\\infty}\\frac{(-1)^n}{3^{2n-1}}") == "-3/10");
  CHECK(worked_out("\\int_{-1}^2 (3x^2-2x+1)\\,dx") == "9");
  CHECK(worked_out("\\int_0^1 \\frac{x}{2}\\,dx") == "1/4");
}

TEST_CASE("what diverges, holds other functions or another variable stays as written", "[fast]") {
  for (std::string_view const latex :
       {"\\lim_{x\\to 0}\\frac{1}{x}", "\\lim_{x\\to 0}\\frac{\\sin x}{x}", "\\lim_{x\\to 0}\\frac{|x|}{x}",
        "\\lim_{h\\to 0}\\frac{(x+h)^2-x^2}{h}", "\\sum_{n=0}^{\\infty}2^n", "\\sum_{n=0}^{\\infty}(-1)^n",
        "\\sum_{n=1}^{\\infty}\\frac{1}{n}", "\\sum_{n=0}^{\\infty}x^n", "\\sum_{n=1}^{\\infty}\\frac{1}{2^{n^2}}",
        "\\int_0^1 \\frac{1}{x}\\,dx", "\\int_0^1 x\\,dy", "\\int x\\,dx"}) {
    INFO(latex);
    CHECK(stays(latex));
  }
}

TEST_CASE("what costs more than the budget stays as written", "[fast]") {
  CHECK(stays("\\lim_{x\\to 1}\\frac{(x+2)^{9}(x-1)}{(x+3)^{9}(x-1)}", 50));
  CHECK(stays("\\int_0^1 (x+1)^{30}\\,dx"));
  CHECK(stays("\\sum_{n=500}^{\\infty}\\frac{1}{2^n}"));
}
