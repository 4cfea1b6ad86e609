// SPDX-License-Identifier: Apache-2.0
// Strict equality is an equivalence relation over the gold answers of the five benchmarks and ways of writing them.
#include <algorithm>
#include <set>

#include "grove/math/comparison.hpp"
#include "grove/math/parser.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace grove::math;
using nlohmann::json;

std::string eval_path(std::string const& name) { return grove::test::golden_path("../eval/" + name + ".jsonl"); }

/// The gold answers that stand in fields of their own.
std::vector<std::string> gold_answers() {
  std::set<std::string> answers;
  auto const add = [&](json const& value) {
    if (value.is_string()) answers.insert(value.get<std::string>());
    if (value.is_number()) answers.insert(value.dump());
    if (value.is_array()) {
      for (json const& item : value) {
        if (item.is_string()) answers.insert(item.get<std::string>());
      }
    }
  };
  for (char const* file : {"aime24", "amc23", "math500"}) {
    for (json const& row : grove::test::read_rows(eval_path(file))) add(row["answer"]);
  }
  for (json const& row : grove::test::read_rows(eval_path("olympiadbench"))) add(row["final_answer"]);
  return {answers.begin(), answers.end()};
}

class Judge {
 public:
  Verdict operator()(std::string const& gold, std::string const& answer) {
    arena_.reset();
    Expr const a = parser_.strict(arena_, gold).value;
    Expr const b = parser_.strict(arena_, answer).value;
    if (!a || !b) return Verdict::Unparsed;
    Fuel fuel(200'000);
    return compare_(arena_, a, b, fuel).verdict;
  }

 private:
  Arena arena_;
  Parser parser_;
  StrictComparison compare_;
};

/// Every n-th answer, and ways of writing it.
std::vector<std::string> sample(std::vector<std::string> const& answers, std::size_t n) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < answers.size(); i += n) {
    std::string const& a = answers[i];
    texts.push_back(a);
    texts.push_back("x = " + a);
    texts.push_back("\\left(" + a + "\\right)");
    texts.push_back(a + " + 0");
  }
  return texts;
}

}  // namespace

TEST_CASE("strict: every gold answer that can be read equals itself") {
  auto const answers = gold_answers();
  if (answers.empty()) {
    WARN("the evaluation data are not there: skipped");
    return;
  }
  Judge judge;
  int unparsed = 0;
  for (std::string const& answer : answers) {
    INFO(answer);
    Verdict const verdict = judge(answer, answer);
    CHECK((verdict == Verdict::Equal || verdict == Verdict::Unparsed));
    unparsed += verdict == Verdict::Unparsed ? 1 : 0;
  }
  CAPTURE(unparsed, answers.size());
  CHECK(unparsed * 50 <= static_cast<int>(answers.size()));
}

TEST_CASE("strict: symmetric and transitive over gold answers and ways of writing them") {
  auto const answers = gold_answers();
  if (answers.empty()) {
    WARN("the evaluation data are not there: skipped");
    return;
  }
  auto const texts = sample(answers, 7);
  std::size_t const n = texts.size();
  Judge judge;
  std::vector<std::vector<std::size_t>> equal(n);
  std::vector<std::vector<bool>> table(n, std::vector<bool>(n));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      table[i][j] = judge(texts[i], texts[j]) == Verdict::Equal;
      if (table[i][j]) equal[i].push_back(j);
    }
  }
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t const j : equal[i]) {
      pairs += i == j ? 0 : 1;
      if (!table[j][i]) FAIL_CHECK("not symmetric: " << texts[i] << "  |  " << texts[j]);
      for (std::size_t const k : equal[j]) {
        if (!table[i][k]) FAIL_CHECK("not transitive: " << texts[i] << "  |  " << texts[j] << "  |  " << texts[k]);
      }
    }
  }
  CHECK(pairs > n);
}
