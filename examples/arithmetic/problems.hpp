// SPDX-License-Identifier: Apache-2.0
// Additions and subtractions of two-digit numbers, and the worked answers that the model is warmed up on. A fixed
// eighth of all problems, chosen by a hash, is set apart: nothing ever trains on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "grove/problem.hpp"

namespace arithmetic {

/// What someone who works a problem out remembers.
struct Care {
  bool carries = true;  ///< carries a ten, or borrows one
  bool hundred = true;  ///< writes the hundred of an answer of three digits
};

/// left + right or left - right, with 10 <= right <= 99, 10 <= left <= 99, and left >= right in a subtraction.
struct Sum {
  int left = 0;
  int right = 0;
  bool minus = false;

  int result() const { return minus ? left - right : left + right; }
  std::string question() const;  ///< "47+85="
  std::string answer() const;    ///< "132"
  /// A completion to imitate: digit by digit in `<think>`, the number in `<answer>`.
  std::string worked(Care care = {}) const;
};

enum class Part : std::uint8_t { Training, Unseen };

/// All problems of a part, in a fixed order.
std::vector<Sum> all_problems(Part part);

/// `n` problems drawn without repetition by a key of the seed only.
std::vector<Sum> draw_problems(Part part, std::uint64_t seed, std::size_t n);

/// As the library sees it: one user message and the gold answer.
grove::Problem to_problem(Sum const& sum, std::uint64_t id);

}  // namespace arithmetic
