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
          fill(" \"1"),
          fill(" '1' \"1\" *1* `1 "),
          fill("the answer is \"1"),
          fill("if the answer is x = "),
          fill("answer a="),
          std::string("the answer is ").append(fill("x = ")).append("5"),
          std::string("the answer is 5").append(fill(" a")),
          std::string("the answer is 5").append(fill("...")),
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

/// Numbers between commas, from `first` on, `count` of them; step -1 counts down.
inline std::string numbers(int first, int count, int step) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    if (i != 0) out += ',';
    out += std::to_string(first + i * step);
  }
  return out;
}

/// Pieces of nearly 4,096 bytes, the longest that are read, which end so that nothing can be made of them.
inline std::vector<std::string> hostile_pieces() {
  std::vector<std::string> pieces;
  for (std::string const piece : {"b",
                                  "B ",
                                  "(",
                                  "{",
                                  "x+",
                                  "1<",
                                  "|x",
                                  "f(",
                                  "x_{",
                                  "x^{",
                                  "\\text{a}",
                                  "\\sqrt{",
                                  "\\frac{1}{",
                                  "\\frac{",
                                  "\\frac",
                                  "\\frac1",
                                  "\\frac{}",
                                  "1,",
                                  "1 and ",
                                  "x=",
                                  "-",
                                  "!",
                                  "\\sin ",
                                  "(1,2)\\cup",
                                  "\\left(",
                                  "\\{",
                                  "[1,",
                                  "\\pm",
                                  "x'",
                                  "\\int ",
                                  "\\sum_{i}",
                                  "\\begin{pmatrix}",
                                  "\\begin{cases}1&",
                                  "1&",
                                  "1:",
                                  "a^",
                                  "()",
                                  "(n)_{k}",
                                  "\\binom",
                                  "\\circ",
                                  "\\mathrm{th}",
                                  "ab",
                                  "\\lim_{x\\to 0}",
                                  "\\text{ and }",
                                  "\xCF\x80",
                                  "12 ",
                                  "d x",
                                  "\\log_",
                                  "sqrt(",
                                  "^(",
                                  "\\\\x"})
    pieces.push_back(repeat(piece, 4060 / piece.size()) + "\\nothing");
  return pieces;
}

/// As many candidates as a text of 200,000 characters holds, each of them long to read.
inline std::vector<std::string> hostile_candidates() {
  std::vector<std::string> texts;
  for (std::string const& piece : hostile_pieces()) {
    texts.push_back(fill("$" + piece + "$ "));
    texts.push_back(fill("answer: $" + piece + "$, $" + piece + "$ "));
    texts.push_back(fill("$\\boxed{" + piece + "}$, "));
  }
  texts.push_back("\\boxed{" + fill("a\n") + "}");
  texts.push_back("The answer is" + fill("a\n "));
  texts.push_back("$" + fill("\\boxed{1}, ") + "$");
  texts.push_back("$" + fill("\\boxed{x} and ") + "$");
  texts.push_back("$" + fill("\\fbox{1} \\boxed{2}") + "$");
  texts.push_back(fill("$" + repeat("\\boxed{1}", 400) + "$ and "));
  texts.push_back(repeat("answer", 16) + "=" + repeat(" ", 199'000) + "=");
  texts.push_back(repeat("answer", 16) + "= 1" + repeat(" ", 199'000) + "=");
  texts.push_back(repeat("answer:", 14) + " 1" + repeat(" ", 199'000) + "=");
  texts.push_back(repeat("answer:", 14) + repeat("= 1 ", 20) + repeat("1 ", 90'000));
  texts.push_back(repeat("answer:", 14) + repeat(" 1=", 20) + repeat("1 ", 90'000) + "=");
  texts.push_back(repeat("final answer is ", 32) + repeat(" ", 190'000));
  texts.push_back(repeat("final answer", 8) + repeat(" is", 30) + repeat(" ", 190'000) + "$1");
  texts.push_back(repeat("answer $", 30) + repeat("a", 190'000) + "$");
  texts.push_back(repeat("answer \\[", 30) + repeat("a", 190'000) + "\\]");
  texts.push_back(repeat("answer $$", 30) + repeat("a$", 90'000));
  texts.push_back(repeat("\\[\\boxed{", 20'000) + "}\\]");
  texts.push_back(repeat("\\[", 30'000) + repeat("\\boxed{", 10'000) + repeat("\\]", 20'000));
  texts.push_back(repeat("$1$", 60'000) + "\\boxed{");
  texts.push_back(fill("- \\frac{9}{9} $[ "));
  texts.push_back(fill("-\\frac{" + repeat("9", 60) + "}{" + repeat("9", 60) + "} "));
  texts.push_back(fill("= 1,234 567.8% = "));
  texts.push_back(fill(" **$1**"));
  texts.push_back(fill(" -(-1 "));
  texts.push_back(fill(" 1+1 ="));
  texts.push_back(fill("\n1\n=\n"));
  return texts;
}

/// Two answers that are long to compare with each other.
inline std::vector<std::pair<std::string, std::string>> hostile_pairs() {
  std::vector<std::pair<std::string, std::string>> pairs;
  auto const add = [&](std::string const& gold, std::string const& answer) {
    pairs.emplace_back("$" + box(gold) + "$", "$" + box(answer) + "$");
  };
  add(numbers(1, 1000, 1), numbers(1000, 1000, -1));
  add(numbers(1, 250, 1), numbers(250, 250, -1));
  add("\\{" + numbers(1, 1000, 1) + "\\}", "\\{" + numbers(1000, 1000, -1) + "\\}");
  add("\\{" + numbers(1, 255, 1) + "\\}", "\\{" + numbers(255, 255, -1) + "\\}");
  add(repeat("1,", 2000) + "2", repeat("1,", 2000) + "3");
  add(repeat("x,", 1500) + "y", repeat("x,", 1500) + "z");
  auto const several = [](std::string const& open, std::string const& close, int count, bool down, int shift) {
    std::string out;
    for (int i = 0; i < count; ++i) {
      int const n = down ? count - 1 - i : i;
      out += (i == 0 ? "" : ",") + open + numbers(n + shift, 9, 1) + close;
    }
    return out;
  };
  add(several("(", ")", 120, false, 0), several("(", ")", 120, true, 0));
  add(several("\\{", "\\}", 110, false, 0), several("\\{", "\\}", 110, true, 0));
  add("\\{" + several("\\{", "\\}", 110, false, 0) + "\\}", "\\{" + several("\\{", "\\}", 110, true, 0) + "\\}");
  std::string forth, back, unions, turned, relations, other;
  for (int i = 0; i < 280; ++i) {
    auto const x = "x_{" + std::to_string(i) + "}", y = "x_{" + std::to_string(279 - i) + "}";
    forth += x + "+";
    back += y + "+";
  }
  add(forth + "1=2", back + "1=3");
  add(forth + "1<2", back + "1>3");
  add(forth + "1", back + "2");
  for (int i = 0; i < 63; ++i) {
    auto const set = [](int n) { return "(" + std::to_string(2 * n) + "," + std::to_string(2 * n + 1) + ")"; };
    unions += (i == 0 ? "" : "\\cup ") + set(i);
    turned += (i == 0 ? "" : "\\cup ") + set(62 - i);
    relations += (i == 0 ? "" : ",") + ("x<\\sqrt{" + std::to_string(i) + "}");
    other += (i == 0 ? "" : ",") + ("x<\\sqrt{" + std::to_string(62 - i) + "}");
  }
  add(unions, turned);
  add("\\mathbb{R}\\setminus(" + unions + ")", turned);
  add(relations, other);
  add(repeat("\\sqrt{2}\\cup ", 200) + "1", repeat("\\sqrt{3}\\cup ", 200) + "1");
  std::string roots, more;
  for (int i = 0; i < 250; ++i) {
    roots += (i == 0 ? "" : ",") + ("\\sqrt{" + std::to_string(i) + "}");
    more += (i == 0 ? "" : ",") + ("\\sqrt{" + std::to_string(249 - i) + "}");
  }
  add(roots, more);
  add("\\{" + roots + "\\}", "\\{" + more + "\\}");
  auto const matrix = [](std::string const& cell, int cells) {
    return "\\begin{pmatrix}" + repeat(cell + "&", static_cast<std::size_t>(cells - 1)) + cell + "\\end{pmatrix}";
  };
  add(matrix("\\sqrt{2}", 350), matrix("\\sqrt{8}/2", 300));
  add(matrix("x", 1900), matrix("y", 1900));
  add(matrix("1", 60) + matrix("x", 60), matrix("2", 60));
  add(repeat("\\begin{pmatrix}1&x\\\\y&2\\end{pmatrix}", 80), repeat("\\begin{pmatrix}1&x\\\\y&3\\end{pmatrix}", 80));
  add("\\begin{vmatrix}" + repeat("1&2&3&4&5&x\\\\", 6) + "\\end{vmatrix}", "1");
  add("\\pm 1" + repeat("\\pm x", 100), "\\mp 1" + repeat("\\pm x", 100));
  add("x^{100}" + repeat("(x+1)^{99}(x-1)^{98}", 100), repeat("(x-1)^{98}(x+1)^{99}", 100) + "x^{100}");
  add("\\sin(" + repeat("x+", 500) + "1)", "\\sin(" + repeat("x+", 499) + "1+x)");
  add(repeat("\\sin(", 60) + "x" + repeat(")", 60), repeat("\\sin(", 60) + "x+1" + repeat(")", 60));
  add("\\sum_{i=1}^{2000} \\sqrt{i}", "\\sum_{i=1}^{1999} \\sqrt{i}+\\sqrt{2000}");
  add("\\sum_{i=1}^{1999} x^{i}", "\\sum_{j=1}^{1999} x^{j}");
  add("\\prod_{i=1}^{1999} (x+i)", "\\prod_{j=1}^{1999} (x+j)");
  add("2^{16000}+\\sqrt{2}", "2^{16000}+\\sqrt{3}");
  add("\\sqrt{2^{16000}+1}", "2^{8000}");
  add("300!+\\sqrt 2", "300!+\\sqrt 3");
  add(repeat("9", 600) + "^{600}", repeat("9", 600) + "^{601}");
  add("\\frac{" + repeat("7", 1900) + "}{" + repeat("3", 1900) + "}",
      "\\frac{" + repeat("7", 1901) + "}{" + repeat("3", 1900) + "}");
  add(repeat("\\frac{7}{", 100) + "x" + repeat("}", 100), repeat("\\frac{7}{", 100) + "x+0" + repeat("}", 100));
  add("\\binom{2000}{1000}x", "\\binom{2000}{999}x");
  add(repeat("\\text{", 190) + "a" + repeat("}", 190), repeat("\\text{", 190) + "b" + repeat("}", 190));
  add(repeat("x=", 1000) + "1", repeat("x=", 1000) + "2");
  add(repeat("1<", 800) + "x", repeat("1<", 800) + "y");
  add(repeat("a=1,", 500) + "a=2", repeat("b=1,", 500) + "b=2");
  // Presentation, layer by layer.
  for (std::string const& layer :
       {std::string("\\underline{"), std::string("\\color{"), std::string("\\textcolor{a}{"),
        std::string("\\mathbf{\\,"), std::string("\\textcolor{"), std::string("\\phantom{")}) {
    std::size_t const layers = 2000 / layer.size();
    add(repeat(layer, layers) + "1" + repeat("}", layers), repeat(layer, 2 * layers));
  }
  add(repeat("**", 900) + "1" + repeat("**", 900), repeat("=", 3000) + "1");
  add(repeat("\\therefore", 300) + "1", repeat("\\text{so}", 400) + "1");
  add(repeat("\uff11", 1200), repeat("\u200b", 1200) + "1");
  return pairs;
}

}  // namespace grove::test
