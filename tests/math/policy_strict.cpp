// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_strict.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using namespace grove::math;

Verdict judge(std::string const& gold, std::string const& text) { return verify(Strict{}, gold, text).verdict; }

TEST_CASE("the last box is the answer") {
  CHECK(judge("7",
              "first \\boxed{6}, which is wrong because the sum of the first three of them is even. So it must be as "
              "follows: \\boxed{7}") == Verdict::Equal);
  CHECK(judge("7",
              "first \\boxed{7}, which is wrong because the sum of the first three of them is even. So it must be as "
              "follows: \\boxed{6}") == Verdict::Different);
  CHECK(judge("7", "\\boxed {7}") == Verdict::Equal);
  CHECK(judge("7", "\\boxed{3} or \\boxed{7}") == Verdict::Different);
  CHECK(judge("7", "so it is 7") == Verdict::Unparsed);
  CHECK(judge("7", "**Answer:** $7$") == Verdict::Equal);
  CHECK(judge("7", "") == Verdict::Unparsed);
}

TEST_CASE("percent and degrees are of a whole mixed number") {
  CHECK(judge("33\\frac13\\%", "\\boxed{33\\frac{1}{3}\\%}") == Verdict::Equal);
  CHECK(judge("\\frac13", "\\boxed{33\\frac13\\%}") == Verdict::Equal);
  CHECK(judge("11\\%", "\\boxed{33\\frac13\\%}") == Verdict::Different);
  CHECK(judge("12.5\\%", "\\boxed{12\\frac12\\%}") == Verdict::Equal);
  CHECK(judge("1.5^\\circ", "\\boxed{1\\frac12^\\circ}") == Verdict::Equal);
  CHECK(judge("\\frac12^\\circ", "\\boxed{1\\frac12^\\circ}") == Verdict::Different);
}

TEST_CASE("a sentence that hedges or takes it back is no answer") {
  for (auto const* text :
       {"The answer is not 5.", "The answer isn't 5", "The answer is either 5 or 6", "The answer is 5, 6 or 7",
        "The answer is 5 or 6.", "The answer is at least 5.", "The answer is 5 or less", "The answer is not $5$.",
        "The answer is $5$ or $6$.", "The answer is 5 cm or 6 cm."}) {
    INFO(text);
    CHECK(judge("5", text) != Verdict::Equal);
  }
  for (auto const* text :
       {"The answer is 5.", "I do not know much, but the answer is 5.", "The answer is 5, because nothing else is left",
        "The most likely answer: 5", "The answer is 5 cm.", "The answer is 5. Not 6 or 7."}) {
    INFO(text);
    CHECK(judge("5", text) == Verdict::Equal);
  }
}

TEST_CASE("stars of Markdown around an answer are no mathematics") {
  for (auto const* text : {"The answer is: **5**", "Final answer: **5**", "The final answer is **5**.",
                           "The final answer is **$5$**", "**Answer:** 5", "**Answer: 5**"}) {
    INFO(text);
    CHECK(judge("5", text) == Verdict::Equal);
    CHECK(judge("6", text) == Verdict::Different);
  }
  CHECK(judge("8", "The answer is **2**3**") != Verdict::Different);
}

TEST_CASE("a script has one number") {
  CHECK(judge("7", "\\boxed{\\log_2 128}") == Verdict::Equal);
  CHECK(judge("5", "\\boxed{\\log_3 243}") == Verdict::Equal);
  CHECK(judge("10240", "\\boxed{2^{10}}") == Verdict::Different);
  CHECK(judge("1234567", "\\boxed{1 234 567}") == Verdict::Equal);
}

TEST_CASE("what is congruent is no number") {
  CHECK(judge("x \\equiv 1 \\pmod 3", "\\boxed{x \\equiv 1 \\pmod{3}}") == Verdict::Equal);
  CHECK(judge("x \\equiv 1 \\pmod 3", "\\boxed{x \\equiv 4 \\pmod 3}") == Verdict::Equal);
  for (auto const* other : {"x \\equiv 1 \\pmod 5", "x \\equiv 2 \\pmod 3", "x = 1", "1"}) {
    INFO(other);
    CHECK(judge("x \\equiv 1 \\pmod 3", "\\boxed{" + std::string(other) + "}") != Verdict::Equal);
    CHECK(judge(other, "\\boxed{x \\equiv 1 \\pmod 3}") != Verdict::Equal);
  }
  CHECK(judge("2", "\\boxed{17 \\bmod 5}") == Verdict::Equal);
}

TEST_CASE("only what stands behind the thinking counts") {
  CHECK(judge("7", "<think>\\boxed{6}</think>\\boxed{7}") == Verdict::Equal);
  CHECK(judge("7", "<think>\\boxed{7}</think> I give up.") == Verdict::Unparsed);
  CHECK(judge("7", "<think>\\boxed{7}") == Verdict::Equal);
}

TEST_CASE("a sentence may say a number in words or in one character") {
  for (auto const* text :
       {"The answer is five", "The answer is five.", "The final answer is: **five**", "Answer: five"}) {
    INFO(text);
    CHECK(judge("5", text) == Verdict::Equal);
    CHECK(judge("6", text) != Verdict::Equal);
  }
  CHECK(judge("25", "The answer is twenty-five.") == Verdict::Equal);
  CHECK(judge("5", "The answer is twenty-five.") != Verdict::Equal);
  CHECK(judge("\\frac12", "The answer is one half.") == Verdict::Equal);
  CHECK(judge("1", "The answer is one half.") != Verdict::Equal);
  CHECK(judge("\\frac52", "The answer is 2\u00bd.") == Verdict::Equal);
  CHECK(judge("9", "The answer is 3\u00b2.") == Verdict::Equal);
  for (auto const* text : {"The answer is not five", "The answer is five or six", "The answer is five, or six.",
                           "The answer is five and six.", "The answer is 5\u00bd hours.", "The answer is 5\u00b2 cm"}) {
    INFO(text);
    CHECK(judge("5", text) != Verdict::Equal);
  }
}

TEST_CASE("a gold answer is an expression, LaTeX, a box or a sentence with LaTeX") {
  for (std::string_view const gold :
       {"\\frac{1}{2}", "$\\frac{1}{2}$", "Therefore \\boxed{\\frac{1}{2}}.", "0.5", "The ratio is $\\frac{1}{2}$."}) {
    INFO(gold);
    CHECK(judge(std::string(gold), "\\boxed{\\frac12}") == Verdict::Equal);
  }
  CHECK_FALSE(verify(Strict{}, "", "\\boxed{1}").gold_read);
  CHECK(verify(Strict{}, "$\\foo{}$", "\\boxed{1}").verdict == Verdict::Unparsed);
  CHECK(judge("$\\foo{}$", "\\boxed{\\foo{}}") == Verdict::Equal);
}

TEST_CASE("a variable is negative at some points, whatever its name") {
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    if (letter == 'e' || letter == 'i') continue;
    std::string const name(1, letter);
    INFO(name);
    std::string const size = std::string("|").append(name).append("|");
    CHECK(judge(name + " < \\frac{8}{7}", "\\boxed{" + size + " < \\frac{8}{7}}") == Verdict::Different);
    CHECK(judge(name + " \\ge \\sqrt{7}", "\\boxed{" + size + " \\ge \\sqrt{7}}") == Verdict::Different);
    CHECK(judge(name + "+1", "\\boxed{" + size + "+1}") == Verdict::Different);
  }
}

TEST_CASE("what Math-Verify takes for right and is not") {
  CHECK(judge("7", "\\boxed{4(3)}") == Verdict::Different);
  CHECK(judge("17", "\\boxed{7 10}") == Verdict::Unparsed);
  CHECK(judge("27", "\\boxed{27\\text{ cm} + \\frac{1}{2}}") == Verdict::Unparsed);
  CHECK(judge("5", "\\boxed{0 = 5}") != Verdict::Equal);
  CHECK(judge("4", "\\boxed{4\\%}") == Verdict::Different);
}

TEST_CASE("a verdict says how both sides were read") {
  Verification const judged = verify(Strict{}, "\\frac{1}{2}", "\\boxed{0.5}");
  CHECK(judged.gold == "1/2");
  CHECK(judged.answer == "0.5");
  CHECK_FALSE(judged.reason.empty());
  CHECK(verify(Strict{}, "1", "\\boxed{(1}").reason.find("bracket") != std::string::npos);
}

}  // namespace
