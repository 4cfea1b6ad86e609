// SPDX-License-Identifier: Apache-2.0
#include "grove/math/extract.hpp"

#include <string>
#include <vector>

#include "grove/math/boxes.hpp"
#include "support/catch.hpp"

namespace {

using namespace grove::math;

std::vector<std::string> found(std::string const& text, Targets const& targets) {
  std::vector<std::string> out;
  Extractor extractor;
  extractor.each(text, targets, [&](Match const& match) {
    switch (match.type) {
      case Match::Type::Latex:
        out.emplace_back(match.latex.parts[0].content);
        break;
      case Match::Type::Expression:
        out.emplace_back(match.plain.arithmetic.empty()
                             ? std::string(match.plain.integer) + std::string(match.plain.decimals)
                             : std::string(match.plain.arithmetic));
        break;
      case Match::Type::Choice:
        out.emplace_back(match.choice);
        break;
    }
    return true;
  });
  return out;
}

Targets latex(bool unanchored = true, int priority = 50) {
  return {.latex = LatexTarget{.unanchored = unanchored, .box_priority = priority, .normalization = {}}};
}

using Strings = std::vector<std::string>;

TEST_CASE("environments come from the text's end, anchored ones first") {
  CHECK(found("$1$ and then \\[2\\] or \\(3\\)", latex()) == Strings{"2", "1"});
  CHECK(found("$1$ then $$2$$ then \\(3\\)", latex()) == Strings{"3", "2", "1"});
  CHECK(found("The answer: $1$. But $2$.", latex()) == Strings{"1", "1", "2", "1"});
  CHECK(found("The final answer is $1$. I hope it is. Answer: $2$", latex(false)).front() == "1");
  CHECK(found("no answer: 5", latex()).empty());
}

TEST_CASE("boxes come with their priority") {
  CHECK(found("\\boxed{1} and $2$", latex(true, 0)) == Strings{"\\boxed{1}", "2"});
  CHECK(found("\\boxed{1} and $2$", latex(true, -1)) == Strings{"2"});
  CHECK(found("$\\boxed{1}$.", latex(false, 0)) == Strings{"\\boxed{1}", "\\boxed{1}"});
  CHECK(found("\\boxed {1} \\fbox{2} \\boxed{3", latex(false, 0)).empty());
}

TEST_CASE("dollars behind digits or a backslash open nothing; an environment in dollars has one line") {
  CHECK(found("costs 5$ or 6$", latex()).empty());
  CHECK(found("costs \\$5 or \\$6", latex()).empty());
  CHECK(found("$1\n2$", latex()).empty());
  CHECK(found("\\(1\n2\\)", latex()).empty());
  CHECK(found("$$1\n2$$", latex()) == Strings{"1\n2"});
}

TEST_CASE("numbers and arithmetic outside LaTeX") {
  Targets const plain{.expression = ExpressionTarget{}};
  CHECK(found("it is 1,234.5 now", plain) == Strings{"1,234.5"});
  CHECK(found("it costs $12 now", plain) == Strings{"12"});
  CHECK(found("x=5 y", plain) == Strings{"5"});
  CHECK(found("so 1/2 holds", plain).front() == "1/2");
  CHECK(found("word7 is none", plain).empty());
  CHECK(found("the answer is 7 of 9", {.expression = ExpressionTarget{.unanchored = false}}) == Strings{"7"});
  CHECK(found("the answer is x = 5 = y", {.expression = ExpressionTarget{.unanchored = false}}).empty());
}

TEST_CASE("choices") {
  Targets const choices{.choice = ChoiceTarget{}};
  CHECK(found("The answer is A.", choices).front() == "A");
  CHECK(found("A. Because B is not valid", choices).front() == "A");
  CHECK(found("Because B is valid", choices) == Strings{"B"});
  CHECK(found("No valid answer here", choices).empty());
}

std::string box(std::string const& text, BoxMode mode) {
  std::string out;
  return detail::box_contents(text, mode, out) ? out : "none";
}

TEST_CASE("what stands in boxes") {
  CHECK(box("\\boxed{1}", BoxMode::Last) == "1");
  CHECK(box("\\boxed {\\frac{1}{2}} and so on", BoxMode::Last) == "\\frac{1}{2}");
  CHECK(box("\\fbox{ 7 }", BoxMode::Last) == "7");
  CHECK(box("first \\boxed{1}, at last, after many words without a separator \\boxed{2}", BoxMode::All) == "1,2");
  CHECK(box("\\boxed{1} and \\boxed{2}", BoxMode::Last) == "1,2");
  CHECK(box("\\boxed{1} is the number of the last of the ways that there are: \\boxed{2}", BoxMode::Last) == "2");
  CHECK(box("\\boxed{5} \\boxed{5}", BoxMode::Last) == "5");
  CHECK(box("\\boxed{1", BoxMode::Last) == "{1");
  CHECK(box("nothing", BoxMode::Last) == "none");
}

}  // namespace
