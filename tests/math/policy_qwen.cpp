// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_qwen.hpp"

#include <string>

#include "grove/math/qwen_text.hpp"
#include "support/catch.hpp"

namespace {

using grove::math::detail::qwen_strip;

TEST_CASE("fractions and roots without braces get them, character by character") {
  CHECK(qwen_strip("\\frac12") == "\\frac{1}{2}");
  CHECK(qwen_strip("\\frac1{72}") == "\\frac{1}{72}");
  CHECK(qwen_strip("\\frac\xCF\x80"
                   "2") == "\\frac{\xCF\x80}{2}");
  CHECK(qwen_strip("\\sqrt2") == "\\sqrt{2}");
  // One character is not enough, however many bytes it has: the text stays.
  CHECK(qwen_strip("\\frac1") == "\\frac1");
  CHECK(qwen_strip("\\frac\xCF\x80") == "\\frac\xCF\x80");
  CHECK(qwen_strip("\\frac\xCF\x80\\frac12") == "\\frac\xCF\x80\\frac12");
  CHECK(qwen_strip("\\frac") == "\\frac");
  CHECK(qwen_strip("\\frac\\frac") == "\\frac\\frac");
  CHECK(qwen_strip("\\frac\x80\x80\x80") == "\\frac\x80\x80\x80");
  CHECK(qwen_strip("\\frac1\x80\x80") == "\\frac1\x80\x80");
}

TEST_CASE("texts of every short form are stripped") {
  // All texts of up to five pieces out of those that the steps look for.
  std::string const pieces[] = {"\\frac", "\\sqrt", "{", "}", "\xCF\x80", "\x80", "1", ".", "=", "/", "\\text{", " "};
  std::string text;
  auto const extend = [&](auto const& self, int depth) -> void {
    if (depth > 0) {
      std::string const stripped = qwen_strip(text);
      REQUIRE(stripped.size() <= 4 * text.size() + 16);
      REQUIRE(qwen_strip(text) == stripped);
    }
    if (depth == 4) return;
    for (std::string const& piece : pieces) {
      std::size_t const before = text.size();
      text += piece;
      self(self, depth + 1);
      text.resize(before);
    }
  };
  extend(extend, 0);
}

bool accepts(std::string const& gold, std::string const& answer) {
  std::string const box = std::string("\\boxed{").append(answer).append("}");
  return grove::math::verify(grove::math::QwenGrader{}, gold, box).verdict == grove::math::Verdict::Equal;
}

// What Qwen2.5-Math's grader with sympy 1.12 says of these pairs.
TEST_CASE("relations are the same to the grader if their sides differ by as much") {
  CHECK(accepts("x \\ge 2", "-x \\le -(2)"));
  CHECK(accepts("k < 1", "1 > k"));
  CHECK(accepts("x > 5", "x < 5"));
  CHECK_FALSE(accepts("x > 5", "x < 6"));
  // Without its space, `\le x` is a command of its own.
  CHECK_FALSE(accepts("x \\ge 5", "5 \\le x"));
}

TEST_CASE("what is below a number is left to the grader's eye") {
  CHECK(accepts("52_8", "52_\\text{8}"));
  CHECK(accepts("332_{6}", "332_{7}"));
  CHECK_FALSE(accepts("332_{6}", "333_{6}"));
}

}  // namespace
