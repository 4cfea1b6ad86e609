// SPDX-License-Identifier: Apache-2.0
// Before anything is trained: does each reward take the data set's own gold answers for right?
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/reward/reward_list.hpp"
#include "grove/worker_pool.hpp"

namespace grove {

/// A problem whose own gold answer a reward does not take for right.
struct SelfTestFailure {
  std::size_t row = 0;  ///< of the problems given
  std::uint64_t id = 0;
  std::string reward{};
  std::string cause{};
};

/// Judges each problem's gold answer against itself. Asked are rewards that say what they take for right: with a member
/// `std::string gold_fault(Problem const&) const` (empty: nothing is wrong), or `std::string gold_completion(Problem
/// const&) const`, whose text must score at least 1, or a member `correct` that is such a reward. What they throw is a
/// failure. In the order of rows, whatever the threads.
template <class R>
std::vector<SelfTestFailure> self_test(R const& reward, std::span<Problem const> problems,
                                       std::size_t threads = std::thread::hardware_concurrency()) {
  return detail::with_list(reward, [&](auto const& list) {
    std::vector<std::vector<SelfTestFailure>> of_row(problems.size());
    WorkerPool(threads).for_each(problems.size(), [&](std::size_t row) {
      for (std::size_t r = 0; r < list.size(); ++r) {
        std::string cause;
        try {
          cause = list.check_gold(r, problems[row]).fault;
        } catch (std::exception const& e) {
          cause = e.what();
        }
        if (!cause.empty()) of_row[row].push_back({row, problems[row].id, list.name(r), std::move(cause)});
      }
    });
    std::vector<SelfTestFailure> failures;
    for (auto& some : of_row)
      for (auto& one : some) failures.push_back(std::move(one));
    return failures;
  });
}

/// How many of the problems fail; several failures of one row count once.
inline std::size_t failing_rows(std::span<SelfTestFailure const> failures) {
  std::size_t rows = 0;
  for (std::size_t i = 0; i < failures.size(); ++i) rows += i == 0 || failures[i].row != failures[i - 1].row;
  return rows;
}

/// The first failures and their number, as lines for people; empty where there are none.
inline std::string summary(std::span<SelfTestFailure const> failures, std::size_t problems, std::size_t first = 5) {
  if (failures.empty()) return {};
  std::string text = std::to_string(failing_rows(failures)) + " of " + std::to_string(problems) +
                     " gold answers fail against themselves";
  for (auto const& one : failures.first(std::min(first, failures.size())))
    text += "\n  row " + std::to_string(one.row) + " (problem " + std::to_string(one.id) + "), " + one.reward + ": " +
            one.cause;
  if (failures.size() > first) text += "\n  and " + std::to_string(failures.size() - first) + " more";
  return text;
}

/// Throws Error with the first cause where more than a share of the problems fails: then the rewards, or the columns
/// that they are given, are at fault and not the rows.
inline void require_few(std::span<SelfTestFailure const> failures, std::size_t problems, double max_error_rate) {
  auto const failing = failing_rows(failures);
  if (failures.empty() || static_cast<double>(failing) <= max_error_rate * static_cast<double>(problems)) return;
  auto const& first = failures.front();
  throw Error("self-test",
              std::to_string(failing) + " of " + std::to_string(problems) +
                  " gold answers fail against themselves, first row " + std::to_string(first.row) + " (problem " +
                  std::to_string(first.id) + "), " + first.reward + ": " + first.cause,
              "at most a share of " + std::to_string(max_error_rate),
              "choose the column of the gold answer or the verifier that fits it, or allow a larger share");
}

/// The problems without those that fail.
inline std::vector<Problem> without_failures(std::vector<Problem> problems, std::span<SelfTestFailure const> failures) {
  std::vector<Problem> kept;
  std::size_t next = 0;
  for (std::size_t row = 0; row < problems.size(); ++row) {
    bool const fails = next < failures.size() && failures[next].row == row;
    while (next < failures.size() && failures[next].row == row) ++next;
    if (!fails) kept.push_back(std::move(problems[row]));
  }
  return kept;
}

}  // namespace grove
