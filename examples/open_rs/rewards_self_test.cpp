// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "grove/error.hpp"
#include "grove/reward/self_test.hpp"
#include "open_rs/rewards.hpp"

namespace open_rs {

namespace {

/// A word that says something of a problem, such as its source or level, and is no answer to it.
bool is_label(std::string const& gold) {
  constexpr std::array<std::string_view, 6> answers = {"yes", "no", "Yes", "No", "true", "false"};
  auto const letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; };
  return gold.size() > 3 && std::ranges::all_of(gold, letter) && std::ranges::find(answers, gold) == answers.end();
}

/// Many problems that share at most three such words have their gold answers elsewhere.
void refuse_labels(std::vector<grove::Problem> const& problems) {
  std::set<std::string> golds;
  for (auto const& problem : problems) {
    golds.insert(problem.gold);
    if (golds.size() > 3) return;
  }
  if (problems.size() < 20 || !std::ranges::all_of(golds, is_label)) return;
  std::string list;
  for (auto const& gold : golds) list += (list.empty() ? "'" : " or '") + gold + "'";
  throw grove::Error("self-test", "each of the " + std::to_string(problems.size()) + " gold answers is " + list,
                     "answers, not labels", "name the column of the gold answer with --set data.gold=COLUMN");
}

}  // namespace

std::vector<grove::Problem> self_tested(std::vector<grove::Problem> problems, grove::RewardSet const& rewards,
                                        RewardKeys const& keys, std::ostream& log) {
  auto const& mode = keys.self_test;
  if (mode != "off" && mode != "warn" && mode != "drop")
    throw grove::Error("self_test", "'" + mode + "'", "off, warn or drop");
  if (!(keys.self_test_max_error_rate >= 0 && keys.self_test_max_error_rate <= 1))
    throw grove::Error("self_test_max_error_rate", std::to_string(keys.self_test_max_error_rate), "from 0 to 1");
  if (mode == "off") return problems;
  refuse_labels(problems);
  auto const failures = grove::self_test(rewards, problems);
  if (failures.empty()) return problems;
  grove::require_few(failures, problems.size(), keys.self_test_max_error_rate);
  log << "self-test: " << grove::summary(failures, problems.size()) << '\n';
  if (mode == "warn") return problems;
  log << "self-test: these rows are dropped\n";
  return grove::without_failures(std::move(problems), failures);
}

}  // namespace open_rs
