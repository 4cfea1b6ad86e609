// SPDX-License-Identifier: Apache-2.0
#include "problems.hpp"

#include <span>

#include "grove/error.hpp"
#include "grove/random.hpp"

namespace arithmetic {
namespace {

/// One eighth of all problems, whatever the seed of a run.
bool is_unseen(Sum const& sum) {
  auto const bits =
      grove::philox4x32({static_cast<std::uint32_t>(sum.left), static_cast<std::uint32_t>(sum.right), sum.minus, 0},
                        {0x67726F76, 0x756E7365});
  return bits[0] % 8 == 0;
}

}  // namespace

std::string Sum::question() const { return std::to_string(left) + (minus ? "-" : "+") + std::to_string(right) + "="; }
std::string Sum::answer() const { return std::to_string(result()); }

std::string Sum::worked(Care care) const {
  auto const text = [](int x) { return std::to_string(x); };
  int const ones_left = left % 10, ones_right = right % 10;
  int tens_left = left / 10;
  int const tens_right = right / 10;
  std::string think;
  int ones = 0, tens = 0;
  if (minus) {
    bool const borrow = ones_left < ones_right;
    ones = ones_left + 10 * borrow - ones_right;
    think = text(ones_left + 10 * borrow) + "-" + text(ones_right) + "=" + text(ones) + ",";
    if (care.carries) tens_left -= borrow;
    tens = tens_left - tens_right;
    think += text(tens_left) + "-" + text(tens_right) + "=" + text(tens);
  } else {
    int const sum = ones_left + ones_right, carry = care.carries ? sum / 10 : 0;
    ones = sum % 10;
    think = text(ones_left) + "+" + text(ones_right) + "=" + text(sum) + ",";
    tens = tens_left + tens_right + carry;
    think += text(tens_left) + "+" + text(tens_right) + "+" + text(carry) + "=" + text(tens);
  }
  if (!care.hundred) tens %= 10;
  return "<think>" + think + "</think><answer>" + text(10 * tens + ones) + "</answer>";
}

std::vector<Sum> all_problems(Part part) {
  std::vector<Sum> problems;
  for (int left = 10; left < 100; ++left)
    for (int right = 10; right < 100; ++right)
      for (bool minus : {false, true}) {
        Sum const sum{left, right, minus};
        if ((!minus || left >= right) && is_unseen(sum) == (part == Part::Unseen)) problems.push_back(sum);
      }
  return problems;
}

std::vector<Sum> draw_problems(Part part, std::uint64_t seed, std::size_t n) {
  auto problems = all_problems(part);
  if (n > problems.size())
    throw grove::Error("-n", std::to_string(n) + " problems", "at most " + std::to_string(problems.size()));
  grove::RandomSequence random(grove::RandomStream({seed, grove::Purpose::Data}), part == Part::Unseen);
  grove::shuffle(std::span(problems), random);
  problems.resize(n);
  return problems;
}

grove::Problem to_problem(Sum const& sum, std::uint64_t id) {
  return {.id = id, .messages = {{"user", sum.question()}}, .gold = sum.answer()};
}

}  // namespace arithmetic
