// SPDX-License-Identifier: Apache-2.0
// Agreement of each policy with the labels of the dev bench, by kind of row. With GROVE_MATH_SHOW=compatible (or
// another policy's name) the rows that disagree are printed.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace grove::math;
using nlohmann::json;

struct Agreement {
  int rows = 0;
  int agree = 0;
  int adversarial_accepted = 0;  ///< adv_* rows that are wrong and were accepted
  std::map<std::string, std::array<int, 2>> kinds;

  [[nodiscard]] double percent() const { return 100.0 * agree / std::max(rows, 1); }
};

std::vector<json> const& bench() {
  static std::vector<json> const rows = [] {
    auto all = grove::test::read_rows(grove::test::golden_path("mathverify_bench_dev.jsonl"));
    // Labels of lighteval's configuration: tests/oracle/math_lighteval.py.
    std::map<std::string, int> lighteval;
    std::ifstream file(std::string(GROVE_TEST_DATA) + "/math/lighteval_labels.txt");
    std::string id;
    for (int label = 0; file >> id >> label;) lighteval[id] = label;
    for (json& row : all) row["label_lighteval"] = lighteval.at(row["id"]);
    return all;
  }();
  return rows;
}

template <Policy P>
Agreement agreement(P const& policy, std::string const& label) {
  char const* const show = std::getenv("GROVE_MATH_SHOW");
  bool const print = show != nullptr && show == std::string(P::name);
  Workspace workspace;
  Agreement out;
  for (json const& row : bench()) {
    if (row[label].is_null()) continue;
    auto const& gold = row["gold"].get_ref<std::string const&>();
    auto const& text = row["completion"].get_ref<std::string const&>();
    auto const& kind = row["kind"].get_ref<std::string const&>();
    bool const wanted = row[label] == 1;
    bool const accepted = policy.judge(workspace, gold, text).verdict == Verdict::Equal;
    ++out.rows;
    out.agree += accepted == wanted ? 1 : 0;
    ++out.kinds[kind][0];
    out.kinds[kind][1] += accepted == wanted ? 1 : 0;
    if (accepted && !wanted && kind.starts_with("adv_")) ++out.adversarial_accepted;
    if (print && accepted != wanted) {
      Verification const judged = verify(policy, gold, text, workspace);
      std::printf("%s %s, label %d: %s | %s | %s: %s | %s | %s\n", row["id"].get<std::string>().c_str(), kind.c_str(),
                  wanted ? 1 : 0, gold.c_str(), row["boxed"].dump().c_str(), std::string(name(judged.verdict)).c_str(),
                  judged.reason.c_str(), judged.gold.c_str(), judged.answer.c_str());
    }
  }
  if (print) {
    for (auto const& [kind, counts] : out.kinds) {
      if (counts[0] != counts[1]) std::printf("%s %d of %d\n", kind.c_str(), counts[1], counts[0]);
    }
  }
  std::printf("%s agrees with %s on %d of %d rows, %.2f %%\n", std::string(P::name).c_str(), label.c_str(), out.agree,
              out.rows, out.percent());
  return out;
}

bool available() {
  if (!bench().empty()) return true;
  WARN("the golden data are not there: skipped");
  return false;
}

TEST_CASE("Compatible agrees with Math-Verify as open-r1 calls it") {
  if (!available()) return;
  CHECK(agreement(Compatible{}, "label").percent() >= 98.0);
}

TEST_CASE("CompatibleOpenRs agrees with Math-Verify as open-rs calls it") {
  if (!available()) return;
  CHECK(agreement(CompatibleOpenRs{}, "label_openrs").percent() >= 98.0);
}

TEST_CASE("Strict agrees with what the rows' makers intended, and accepts no adversarial row") {
  if (!available()) return;
  Agreement const strict = agreement(Strict{}, "intended");
  CHECK(strict.percent() >= 99.0);
  CHECK(strict.adversarial_accepted == 0);
}

TEST_CASE("QwenGrader agrees with Qwen2.5-Math's grader") {
  if (!available()) return;
  CHECK(agreement(QwenGrader{}, "label_qwen").percent() >= 95.0);
}

TEST_CASE("Lighteval agrees with Math-Verify in lighteval's configuration") {
  if (!available()) return;
  CHECK(agreement(Lighteval{}, "label_lighteval").percent() >= 98.0);
}

}  // namespace
