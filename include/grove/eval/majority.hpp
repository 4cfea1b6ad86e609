// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace grove::eval {

/// One completion's vote: the answer it gives and whether that answer is right. A completion without an answer casts
/// no vote.
struct Vote {
  std::string answer{};  ///< equal texts are one answer; empty: no vote
  bool correct = false;  ///< all right answers are one answer, however they are written
};

/// The credit of a majority vote: 1 if the right answer has the most votes, 1/t if it shares the first place with
/// t - 1 others (the expectation of breaking the tie at random), else 0.
inline double majority(std::span<Vote const> votes) {
  std::size_t right = 0;
  std::map<std::string, std::size_t> wrong;
  for (Vote const& vote : votes) {
    if (vote.correct) {
      ++right;
    } else if (!vote.answer.empty()) {
      ++wrong[vote.answer];
    }
  }
  if (right == 0) return 0.0;
  std::size_t ties = 1;
  for (auto const& [answer, count] : wrong) {
    if (count > right) return 0.0;
    ties += count == right ? 1 : 0;
  }
  return 1.0 / static_cast<double>(ties);
}

}  // namespace grove::eval
