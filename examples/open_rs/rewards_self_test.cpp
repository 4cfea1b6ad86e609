// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "grove/data/gold_column.hpp"
#include "grove/error.hpp"
#include "grove/reward/self_test.hpp"
#include "open_rs/rewards.hpp"

namespace open_rs {

namespace {

/// Problems that share a few words have their gold answers in another column.
void refuse_labels(std::vector<grove::Problem> const& problems) {
  std::vector<std::string> golds;
  for (auto const& problem : problems) golds.push_back(problem.gold);
  if (auto const wrong = grove::data::why_labels(golds))
    throw grove::Error(
        "self-test", *wrong, "answers",
        "name the column of the gold answer with --set data.gold=COLUMN, or say self_test=off where they "
        "are the answers");
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
