// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/episodes.hpp"
#include "grove/problem.hpp"

namespace test {

inline grove::Completion says(std::string text, std::size_t tokens = 0) {
  grove::Completion completion;
  completion.tokens.assign(tokens, 7);
  completion.text = std::move(text);
  return completion;
}

inline grove::Problem asks(std::string gold, std::uint64_t id = 0) {
  grove::Problem problem;
  problem.id = id;
  problem.gold = std::move(gold);
  return problem;
}

/// As much of a language model's trajectories as rewards see.
struct Answers {
  grove::Episodes episodes{};
  std::vector<grove::Problem> problems{};
  std::vector<grove::Completion> completions{};

  grove::Problem const& problem(std::size_t i) const { return problems[i]; }
  grove::Completion const& completion(std::size_t i) const { return completions[i]; }

  void add(grove::Problem problem, grove::Completion completion) {
    episodes.add(completion.tokens.size(), 0, false);
    problems.push_back(std::move(problem));
    completions.push_back(std::move(completion));
  }
};

}  // namespace test
