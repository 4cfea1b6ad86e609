// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/reward_list.hpp"

namespace grove {

/// A problem whose own gold answer a reward does not take for right.
struct SelfTestFailure {
  std::size_t row = 0;  ///< of the problems given
  std::uint64_t id = 0;
  std::string reward{};
  std::string cause{};
};

/// Judges each problem's gold answer against itself, before anything is trained. Asked are rewards of single samples
/// that say what a right answer looks like, with a member `std::string gold_completion(Problem const&) const`; a score
/// of less than 1, a declined problem and an exception are failures.
template <class R>
std::vector<SelfTestFailure> self_test(R const& reward, std::span<Problem const> problems) {
  std::vector<SelfTestFailure> failures;
  detail::with_list(reward, [&](auto const& list) {
    for (std::size_t row = 0; row < problems.size(); ++row)
      for (std::size_t r = 0; r < list.size(); ++r) {
        auto const text = list.gold_completion(r, problems[row]);
        if (!text || list.judges(r) != Judges::Sample) continue;
        std::string cause;
        try {
          auto const score = list.score(r, problems[row], Completion{.text = *text});
          if (!score)
            cause = "the gold answer cannot be judged";
          else if (*score < 1)
            cause = "the gold answer scores " + std::to_string(*score) + " against itself";
        } catch (std::exception const& e) {
          cause = e.what();
        }
        if (!cause.empty()) failures.push_back({row, problems[row].id, list.name(r), cause});
      }
  });
  return failures;
}

}  // namespace grove
