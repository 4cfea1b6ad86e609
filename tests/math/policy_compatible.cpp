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

bool accepts(std::string const& gold, std::string const& answer) {
  std::string const box = std::string("\\boxed{").append(answer).append("}");
  return verify(Compatible{}, std::string("$").append(gold).append("$"), box).verdict == Verdict::Equal;
}

// What Math-Verify 0.9 says of these pairs.
TEST_CASE("an i that stands alone makes the variables of a text complex, which are no real ones") {
  CHECK(accepts("1 - 12i", "1-12i"));
  CHECK(accepts("1 - 12 i", "-12 i+1"));
  CHECK_FALSE(accepts("1 - 12i", "1 - 12 i"));
  CHECK_FALSE(accepts("4i", "4\\cdot i"));
  CHECK_FALSE(accepts("x + iy", "x+i y"));
  CHECK(accepts("4 i", "0 + 4 i"));
  CHECK(accepts("12", "12 + i - i"));
}

TEST_CASE("signs of one character that Math-Verify's grammar does not know are no mathematics") {
  for (auto const* answer : {"\u221a2 + 0", "2\u00b7\u221a2"}) CHECK_FALSE(accepts("\\sqrt{2}", answer));
  CHECK_FALSE(accepts("(0, \\infty)", "(0,\u221e)"));
  CHECK_FALSE(accepts("6", "2\u00b73"));
  CHECK_FALSE(accepts("-3", "\u20133"));
  CHECK(accepts("6", "2\u00d73"));
  CHECK(accepts("-3", "\u22123"));
  CHECK(accepts("\\pi", "\u03c0 + 0"));
}

TEST_CASE("equations with derivatives are equal up to the order and the sign of their sides") {
  CHECK(accepts("m \\frac{d v}{d t}+b v=f", "-(m \\frac{d v}{d t}+b v) = -(f)"));
  CHECK(accepts("m \\frac{d v}{d t}+b v=f", "f = b v + m \\frac{d v}{d t}"));
  CHECK_FALSE(accepts("m \\frac{d v}{d t}+b v=f", "m \\frac{d v}{d t}+b v=2f"));
}

}  // namespace
