// SPDX-License-Identifier: Apache-2.0
// The gold answers of the benchmarks under the policy for training: all can be read but those named here, and each is
// accepted as an answer to itself.
#include <set>
#include <string>
#include <vector>

#include "grove/math/policy_strict.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace grove::math;
using nlohmann::json;

std::vector<std::string> gold_answers(json const& row) {
  std::vector<std::string> golds;
  for (char const* const field : {"answer", "final_answer"}) {
    if (!row.contains(field)) continue;
    json const& value = row[field];
    if (value.is_string()) golds.push_back(value.get<std::string>());
    if (value.is_number()) golds.push_back(value.dump());
    for (json const& item : value) {
      if (value.is_array() && item.is_string()) golds.push_back(item.get<std::string>());
    }
  }
  if (golds.empty() && row.contains("solution")) golds.push_back(row["solution"].get<std::string>());
  return golds;
}

/// What a right answer looks like: the gold answer in a box.
std::string boxed(std::string gold) {
  if (gold.find("\\boxed") != std::string::npos) return gold;
  while (gold.size() >= 2 && gold.front() == '$' && gold.back() == '$') gold = gold.substr(1, gold.size() - 2);
  return std::string("\\boxed{").append(gold).append("}");
}

TEST_CASE("strict: the benchmarks' gold answers can be read, but for those named, and accept themselves") {
  // Rows (from 0) whose gold is prose, a derivation of several lines or a typing error.
  std::set<std::string> const unreadable = {"minerva_math 5", "minerva_math 27", "minerva_math 250", "olympiadbench 73",
                                            "olympiadbench 96"};
  std::set<std::string> found;
  Workspace workspace;
  std::size_t golds = 0;
  for (std::string const name : {"aime24", "amc23", "math500", "minerva_math", "olympiadbench", "gsm8k"}) {
    std::size_t number = 0;
    for (json const& row : grove::test::read_rows(grove::test::golden_path("../eval/" + name + ".jsonl"))) {
      std::string id = name;
      id.append(" ").append(std::to_string(number++));
      for (std::string gold : gold_answers(row)) {
        // GSM8K's solutions end with the answer.
        if (std::size_t const mark = gold.rfind("####"); mark != std::string::npos) gold.erase(0, mark + 5);
        INFO(id << ": " << gold);
        Outcome const outcome = Strict{}.judge(workspace, gold, boxed(gold));
        CHECK(outcome.verdict == Verdict::Equal);
        if (!workspace.gold.value) found.insert(id);
        ++golds;
      }
    }
  }
  if (golds == 0) {
    WARN("the evaluation data are not there: skipped");
    return;
  }
  CHECK(found == unreadable);
}

}  // namespace
