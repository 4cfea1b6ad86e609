// SPDX-License-Identifier: Apache-2.0
// Texts made to crash a check or to make it long: deep, repetitive, astronomically large, no text at all. Long ones
// have about 200,000 characters. The test and the benchmark of the same name judge them all.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace grove::test {

inline std::string repeat(std::string const& piece, std::size_t count) {
  std::string out;
  out.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

/// As often as it fits into 200,000 characters.
inline std::string fill(std::string const& piece) { return repeat(piece, 200'000 / piece.size()); }

inline std::string box(std::string const& content) { return std::string("\\boxed{").append(content).append("}"); }

/// Much to compute, little to read.
inline std::vector<std::string> hostile_values() {
  std::vector<std::string> texts;
  for (std::string const& value : {std::string("9^{9^9}"),
                                   std::string("2004!"),
                                   std::string("((20!)!)!"),
                                   std::string("\\frac{1}{2004!}-\\frac{1}{2006!}"),
                                   std::string("10^{10^{10}} + x"),
                                   std::string("(x+y+z+1)^{100000}"),
                                   std::string("\\binom{10^{9}}{10^{8}}"),
                                   std::string("\\binom{4000}{2000}+\\sqrt{2}"),
                                   std::string("\\sum_{i=1}^{10^{9}} i^{i}"),
                                   std::string("\\sum_{i=1}^{2000}\\sum_{j=1}^{2000}\\sum_{k=1}^{2000} \\sin(ijk)"),
                                   std::string("\\sum_{i=1}^{2000}\\frac{1}{i}"),
                                   std::string("\\prod_{i=1}^{2000}(1+\\frac{\\pi}{i})"),
                                   std::string("\\tan(10^{1000})"),
                                   std::string("\\sin(10^{300})+\\cos(10^{300})"),
                                   std::string("e^{e^{e^{e^{e}}}}"),
                                   std::string("\\Gamma(10^{6}+\\frac{1}{3})"),
                                   std::string("1e99999999"),
                                   std::string("1.5\\times 10^{99999}"),
                                   std::string("\\gcd(10^{1000},10^{999})"),
                                   std::string("\\sqrt[65537]{2}^{65537}"),
                                   std::string("(2^{1000}+1)^{1/997}"),
                                   std::string("x^{x^{x^{x^{x^{x^{x}}}}}}"),
                                   std::string("0.").append(repeat("7", 4000)),
                                   repeat("9", 4000),
                                   repeat("9^{", 90) + std::string("9").append(repeat("}", 90)),
                                   repeat("x^{", 90) + std::string("2").append(repeat("}", 90)),
                                   repeat("(", 2000) + std::string("1").append(repeat(")", 2000)),
                                   repeat("(", 4000),
                                   repeat("f(", 300) + std::string("x+1").append(repeat(")", 300)),
                                   repeat("f(", 60) + std::string("x+1").append(repeat(")", 60)),
                                   repeat("\\frac{1}{", 300) + std::string("2").append(repeat("}", 300)),
                                   repeat("\\frac{1}{1+", 60) + std::string("x").append(repeat("}", 60)),
                                   repeat("\\frac", 800),
                                   repeat("\\frac1", 600),
                                   repeat("\\sqrt{", 150) + std::string("2").append(repeat("}", 150)),
                                   repeat("\\sqrt{2+", 90) + std::string("2").append(repeat("}", 90)),
                                   repeat("\\{", 150) + std::string("1").append(repeat("\\}", 150)),
                                   repeat("|", 1000),
                                   repeat("|x", 1000),
                                   repeat("-", 4000) + "1",
                                   repeat("!", 4000),
                                   std::string("3").append(repeat("!", 500)),
                                   repeat("\\pm 1", 300),
                                   repeat("1\\pm x,", 300),
                                   repeat("(1,2)\\cup", 300) + "(3,4)",
                                   repeat("x<1,", 500) + "x<2",
                                   repeat("1<", 1000) + "x",
                                   repeat("x=", 1000) + "1",
                                   repeat("\\sin(", 100) + std::string("x").append(repeat(")", 100)),
                                   repeat("\\sin ", 500) + "x",
                                   repeat("x_{", 500) + std::string("1").append(repeat("}", 500)),
                                   repeat("\\ln(", 90) + std::string("10^{50}").append(repeat(")", 90)),
                                   repeat("a,", 2000) + "a",
                                   repeat("\\sqrt{2},\\sqrt{3},", 200) + "1",
                                   repeat("\\sin x+", 500) + "\\cos x",
                                   repeat("\\sqrt[3]{x+y}\\cdot ", 200) + "1",
                                   repeat("(a+b)(a-b)", 300),
                                   repeat("\\text{", 500) + std::string("a").append(repeat("}", 500)),
                                   repeat("\\text{a}", 500),
                                   std::string("\\begin{pmatrix}").append(repeat("1&", 900)) + "1\\end{pmatrix}",
                                   repeat("\\begin{pmatrix}1&x\\\\y&2\\end{pmatrix}", 100),
                                   repeat("\\begin{pmatrix}", 200),
                                   repeat("\\left(", 600),
                                   repeat("1:", 1500) + "2",
                                   repeat("12 ", 1300),
                                   repeat("$", 2000),
                                   repeat("\xCF\x80", 2000),
                                   std::string("\xFF\xFE\x80 1 \xC3"),
                                   std::string("x").append(repeat("'", 3000)),
                                   repeat("\\int ", 500) + "x dx",
                                   repeat("\\lim_{x\\to 0}", 100) + "x"}) {
    texts.push_back(box(value));
  }
  return texts;
}

/// Much to read.
inline std::vector<std::string> hostile_texts() {
  return {repeat("{", 100'000),
          std::string("\\boxed").append(repeat("{", 100'000)),
          repeat("{", 100'000) + repeat("}", 100'000),
          fill("\\boxed{"),
          repeat("\\boxed{", 20'000) + std::string("1").append(repeat("}", 20'000)),
          fill("\\boxed{1}, "),
          fill("\\boxed "),
          fill("\\boxed{1"),
          fill("\\fbox{2} and \\boxed{3}"),
          fill("\\frac"),
          fill("\\frac{1}{2}"),
          fill("\\frac{"),
          fill("-\\frac{1}{"),
          box(fill("\\frac{1}{2}+")),
          fill("a"),
          fill("9"),
          std::string("\\boxed{").append(fill("9")) + "}",
          fill("9 "),
          fill("1 1 1 1 "),
          fill("1 234 567 "),
          fill("1,234,567,"),
          fill("12. "),
          fill("1+"),
          fill("1 + "),
          fill("(1"),
          fill("=1"),
          fill("= 1"),
          fill("$"),
          fill("$ "),
          fill("$$"),
          fill("$$1"),
          fill("1$"),
          fill("\\$"),
          std::string("$").append(fill("\\$")),
          fill("$1$ and "),
          fill("$x$, "),
          fill("$\\boxed{1}$ "),
          fill("\\["),
          fill("\\[1\\] "),
          repeat("\\[", 60'000) + std::string("\\boxed{").append(repeat("a", 70'000)) + "\\]",
          repeat("\\(", 60'000) + std::string("\\boxed{").append(repeat("a", 70'000)) + "\\)",
          fill("\\("),
          fill(" ["),
          fill(" [1] "),
          fill(" [ "),
          fill("answer"),
          fill("answer: "),
          fill("answer: $"),
          fill("answer is $1$ "),
          fill("final answer is "),
          fill("The final answer is $1$. I hope it is correct. "),
          fill("final answer "),
          std::string("final answer is").append(fill(" ")),
          std::string("answer: 1+1").append(fill(" ")) + "=",
          std::string("answer: 1+1").append(fill(" =")),
          std::string("answer: ").append(fill("= ")),
          std::string("answer: ").append(fill("1 1 ")),
          std::string("answer: ").append(fill("9")),
          fill("1^"),
          fill("x^{"),
          fill("\\text{"),
          fill("\\sqrt"),
          fill("</think>"),
          fill("<think>"),
          fill(" "),
          fill("\n"),
          fill("%"),
          fill("\xFF"),
          fill("\xF0\x9F\x98\x80"),
          fill("\xCF"),
          std::string(200'000, '\0'),
          fill("Then $a_{1} = \\frac{3}{4}$, so that 17 of 20 remain; hence (x + 1)^2 = 4. ")};
}

}  // namespace grove::test
