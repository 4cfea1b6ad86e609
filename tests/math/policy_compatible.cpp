// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_compatible.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace grove::math;
using nlohmann::json;

ReadOptions targets(std::string const& config) {
  ReadOptions out;
  if (config.find("latex") != std::string::npos) {
    out.targets.latex = LatexTarget{};
    if (config.find("boxed_prio=0") != std::string::npos) out.targets.latex->box_priority = 0;
  }
  if (config.find("expr") != std::string::npos) out.targets.expression = ExpressionTarget{};
  return out;
}

Compatible policy_of(json const& row) {
  Compatible policy;
  policy.gold = targets(row["gold_config"]);
  policy.answer = targets(row["pred_config"]);
  policy.comparison.float_rounding = row["float_rounding"];
  policy.comparison.numeric_precision = row["numeric_precision"];
  policy.comparison.strict = row["strict"];
  policy.comparison.allow_set_relation_comparison = row["allow_set_relation_comp"];
  return policy;
}

TEST_CASE("Math-Verify's own test cases, each with its options") {
  // Deliberate exceptions: see docs/math.md.
  std::set<std::string> const exceptions{};
  auto const rows = grove::test::read_rows(grove::test::golden_path("mathverify_cases.jsonl"));
  if (rows.empty()) {
    WARN("the golden data are not there: skipped");
    return;
  }
  Workspace workspace;
  for (json const& row : rows) {
    std::string const config = row["gold_config"];
    if (row["status"] != "active" || config == "sympy-object") continue;
    std::string const id = row["id"];
    Verification const judged =
        verify(policy_of(row), row["gold"].get<std::string>(), row["pred"].get<std::string>(), workspace);
    INFO(id << ": " << row["gold"] << " | " << row["pred"] << " | " << judged.reason << " | " << judged.gold << " | "
            << judged.answer);
    bool const accepted = judged.verdict == Verdict::Equal;
    CHECK(accepted == (exceptions.count(id) != 0 ? !row["expected"].get<bool>() : row["expected"].get<bool>()));
  }
}

}  // namespace
