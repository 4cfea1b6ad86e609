// SPDX-License-Identifier: Apache-2.0
// Every rule-based reward against tests/oracle/rewards.py.
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/reward/code_format.hpp"
#include "grove/reward/cosine.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/kimi_length.hpp"
#include "grove/reward/language_consistency.hpp"
#include "grove/reward/reasoning_steps.hpp"
#include "grove/reward/repetition_penalty.hpp"
#include "grove/reward/soft_overlong_punishment.hpp"
#include "grove/reward/tag_count.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using Json = nlohmann::json;

namespace {

Json const& fixture() {
  static Json const data = Json::parse(std::ifstream(std::string(GROVE_TEST_DATA) + "/reward/rewards.json"));
  return data;
}

/// Right where the gold says so.
struct GoldIsYes {
  double operator()(grove::Problem const& problem, grove::Completion const&) const { return problem.gold == "yes"; }
};

grove::Completion completion_of(Json const& one) {
  grove::Completion completion;
  completion.text = one.at("text");
  completion.tokens = one.at("tokens").get<std::vector<grove::TokenId>>();
  return completion;
}

void agrees(auto const& reward, char const* key, double share_of_zeros) {
  std::size_t zeros = 0;
  for (auto const& one : fixture().at("cases")) {
    INFO(key << ": " << one.at("text").dump() << one.at("tokens").dump());
    double const expected = one.at(key);
    REQUIRE(reward(test::asks(""), completion_of(one)) == Approx(expected).margin(1e-12));
    zeros += expected == 0;
  }
  auto const n = static_cast<double>(fixture().at("cases").size());
  CHECK(static_cast<double>(zeros) <= share_of_zeros * n);  // the cases say something
}

}  // namespace

TEST_CASE("rule-based rewards agree with the oracle") {
  using Penalty = grove::RepetitionPenalty;
  agrees(grove::TagCount{}, "tag_count", 0.9);
  agrees(grove::TagCount::open_r1(), "tag_count_open_r1", 0.9);
  agrees(grove::ReasoningSteps{}, "reasoning_steps", 0.9);
  agrees(Penalty{}, "repetition_3", 0.9);
  agrees(Penalty{.n = 2, .penalty = -0.5}, "repetition_2_half", 0.85);
  agrees(Penalty{.n = 2, .unit = Penalty::Unit::Token}, "repetition_tokens_2", 0.6);
  agrees(grove::CodeFormat{}, "code_format", 0.95);
  agrees(grove::ThinkFormat{}, "think_format", 0.95);
  agrees(grove::SoftOverlongPunishment{.max_length = 12, .cache = 5}, "soft_overlong", 0.6);
  agrees(grove::LanguageConsistency{}, "latin", 0.5);
  agrees(grove::LanguageConsistency{.target = grove::Script::Kana}, "kana", 0.9);
  agrees(grove::LanguageConsistency{.target = grove::Script::Greek}, "greek", 0.95);
}

TEST_CASE("the cosine reward agrees with the oracle, in characters") {
  for (auto const& one : fixture().at("cases"))
    for (bool const right : {false, true})
      for (bool const clamped : {false, true}) {
        grove::Cosine<GoldIsYes> const reward{
            .max_length = 40, .unit = grove::LengthUnit::Character, .clamped = clamped};
        double const expected = one.at("cosine").at(std::string(right ? "1" : "0") + (clamped ? "1" : "0"));
        REQUIRE(reward(test::asks(right ? "yes" : "no"), completion_of(one)).value() == Approx(expected).margin(1e-12));
      }
}

TEST_CASE("the length reward agrees with the oracle") {
  for (auto const& group : fixture().at("groups")) {
    std::vector<grove::Problem> problems;
    std::vector<grove::Completion> completions;
    for (std::size_t i = 0; i < group.at("lengths").size(); ++i) {
      problems.push_back(test::asks(group.at("right")[i].get<bool>() ? "yes" : "no"));
      completions.push_back(test::says("", group.at("lengths")[i].get<std::size_t>()));
    }
    std::vector<grove::Problem const*> problem_list;
    std::vector<grove::Completion const*> completion_list;
    for (auto const& problem : problems) problem_list.push_back(&problem);
    for (auto const& completion : completions) completion_list.push_back(&completion);
    auto const scores = grove::KimiLength<GoldIsYes>{}(problem_list, completion_list);
    REQUIRE(scores.size() == problems.size());
    for (std::size_t i = 0; i < scores.size(); ++i)
      REQUIRE(scores[i].value() == Approx(group.at("scores")[i].get<double>()).margin(1e-12));
  }
}
