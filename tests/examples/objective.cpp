// SPDX-License-Identifier: Apache-2.0
// open_rs objective and the algorithms behind it, as functions.
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/named/named_algorithm.hpp"
#include "open_rs/algorithm_options.hpp"
#include "open_rs/objective_batch.hpp"
#include "support/catch.hpp"

namespace {

open_rs::ObjectiveAnswer answer(std::string const& name, std::vector<std::string> const& settings,
                                std::string const& line) {
  open_rs::ObjectiveOptions options;
  auto const algorithm = open_rs::algorithm_of(name, settings, options);
  return evaluate(algorithm, read_batch(open_rs::parse_line(line, 1), options), options);
}

std::string problem_of(std::string const& name, std::vector<std::string> const& settings, std::string const& line) {
  try {
    answer(name, settings, line);
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

/// Everything any algorithm may ask for: two groups of three sequences.
std::string const full =
    R"({"log_probs":[[-0.5,-1.0],[-0.3],[-0.7,-0.2,-0.9],[-0.4],[-1.5,-0.1],[-0.6]],)"
    R"("old_log_probs":[[-0.6,-0.8],[-0.3],[-0.9,-0.2,-0.8],[-0.5],[-1.2,-0.1],[-0.7]],)"
    R"("ref_log_probs":[[-0.5,-0.9],[-0.4],[-0.7,-0.3,-0.9],[-0.4],[-1.4,-0.2],[-0.6]],)"
    R"("sampled_log_probs":[[-0.6,-0.8],[-0.3],[-0.9,-0.2,-0.8],[-0.5],[-1.2,-0.1],[-0.7]],)"
    R"("entropies":[[1.0,0.5],[0.7],[0.1,0.2,0.3],[0.4],[0.9,0.8],[0.6]],)"
    R"("values":[[0.2,0.3],[0.5],[0.1,0.2,0.4],[0.3],[0.6,0.7],[0.0]],)"
    R"("sum_squares":[[0.5,0.6],[0.7],[0.8,0.4,0.3],[0.6],[0.5,0.9],[0.4]],)"
    R"("rewards":[[1,0],[0,1],[1,1],[0,0],[1,0],[0,1]],"groups":[0,0,0,1,1,1],"greedy_rewards":[1,0]})";

std::vector<std::string> settings_for(std::string_view name) {
  std::vector<std::string> settings;
  if (name == "dr_grpo") settings.push_back("max_completion_length=10");
  if (name == "pass_at_k") settings.push_back("k=1");
  if (name == "bnpo_paper") settings.push_back("reward_weights=1,0");
  return settings;
}

}  // namespace

TEST_CASE("grpo by hand: two answers to one problem") {
  auto const a =
      answer("grpo", {"beta=0", "eps=0"}, R"({"log_probs":[[-1,-1],[-2]],"rewards":[[1],[0]],"groups":[3,3]})");
  double const advantage = 0.5 / std::sqrt(0.5);
  CHECK(a.advantages == std::vector<double>{advantage, advantage, -advantage});
  CHECK(a.loss == Approx(0).margin(1e-15));  // the ratio is 1 everywhere
  // Mean over two sequences of the mean over their tokens.
  CHECK(a.d_log_prob[0] == Approx(-advantage / 4));
  CHECK(a.d_log_prob[2] == Approx(advantage / 2));
  CHECK(*a.metrics.find("reward") == 0.5);
}

TEST_CASE("every algorithm answers with finite numbers of the right shape") {
  for (auto const& named : grove::named_algorithms()) {
    INFO(named.name);
    auto const a = answer(std::string(named.name), settings_for(named.name), full);
    REQUIRE(a.advantages.size() == 10);
    REQUIRE(a.d_log_prob.size() == 10);
    CHECK(std::isfinite(a.loss));
    double largest = 0;
    for (double d : a.d_log_prob) {
      CHECK(std::isfinite(d));
      largest = std::max(largest, std::abs(d));
    }
    CHECK(largest > 0);
  }
}

TEST_CASE("an algorithm is found in any case and in its C++ spelling") {
  CHECK(grove::algorithm_named("Dr-GRPO").describe() == grove::algorithm_named("dr_grpo").describe());
  CHECK(grove::algorithm_named("ReinforcePlusPlusBaseline").describe() ==
        grove::algorithm_named("reinforce_plus_plus_baseline").describe());
  CHECK(problem_of("gropo", {}, full).find("one of grpo, ") != std::string::npos);
}

TEST_CASE("a copy of an algorithm has numbers of its own") {
  auto const one = grove::algorithm_named("grpo");
  auto two = one;
  grove::set_option(two, "epsilon", "0.1");
  std::vector<double> epsilons;
  for (auto const* algorithm : {&one, static_cast<grove::AnyAlgorithm const*>(&two)})
    grove::visit_options(*algorithm, [&](grove::Option const& option, auto const& value) {
      if (option.name == "epsilon") epsilons.push_back(static_cast<double>(value));
    });
  CHECK(epsilons == std::vector<double>{0.2, 0.1});
}

TEST_CASE("epsilon_high follows epsilon unless it is set") {
  auto const value = [](std::vector<std::string> const& settings, std::string_view key) {
    open_rs::ObjectiveOptions options;
    double found = -1;
    auto const algorithm = open_rs::algorithm_of("grpo", settings, options);
    grove::visit_options(algorithm, [&](grove::Option const& option, auto const& number) {
      if (option.name == key) found = static_cast<double>(number);
    });
    return found;
  };
  CHECK(value({"epsilon=0.3"}, "epsilon_high") == 0.3);
  CHECK(value({"epsilon_high=0.4", "epsilon=0.3"}, "epsilon_high") == 0.4);
  CHECK(value({"epsilon=0.3", "epsilon_high=0.4"}, "epsilon") == 0.3);
}

TEST_CASE("bad options are refused by name with their range") {
  CHECK(problem_of("ppo", {"lambda=1.5"}, full).find("option lambda: is 1.5") == 0);
  CHECK(problem_of("ppo", {"lambda=1.5"}, full).find("between 0 and 1") != std::string::npos);
  CHECK(problem_of("grpo", {"epsilon=-0.1"}, full).find("option epsilon") == 0);
  CHECK(problem_of("gpg", {"epsilon=0.1"}, full).find("does nothing in this algorithm") != std::string::npos);
  CHECK(problem_of("pass_at_k", {"k=4"}, full).find("option k") != std::string::npos);
  CHECK(problem_of("dr_grpo", {}, full).find("option max_completion_length") == 0);
  CHECK(problem_of("grpo", {"reward_weights=1"}, full).find("option reward_weights") == 0);
  CHECK(problem_of("grpo", {"reward_weights=nan,1"}, full).find("option reward_weights") == 0);
  CHECK(problem_of("grpo", {"epsilon=much"}, full).find("a number") != std::string::npos);
}

TEST_CASE("a missing or lying column is named with its sequence") {
  CHECK(problem_of("grpo", {}, R"({"log_probs":[[-1],[-2]],"rewards":[[1],[0]],"groups":[0,0]})")
            .find("stdin:1: ref_log_probs is missing") == 0);
  CHECK(problem_of("ppo", {}, R"({"log_probs":[[-1]],"rewards":[[1]],"entropies":[[1]]})").find("values is missing") !=
        std::string::npos);
  CHECK(problem_of("gspo", {}, R"({"log_probs":[[-1],[-1]],"rewards":[[1],[0]]})").find("groups is missing") !=
        std::string::npos);
  CHECK(problem_of("grpo", {"beta=0"},
                   R"({"log_probs":[[-1],[-2]],"old_log_probs":[[-1],[-2,-3]],"rewards":[[1],[0]],"groups":[0,0]})")
            .find("stdin:1, old_log_probs[1]: has 2 numbers; expected 1") == 0);
  CHECK(problem_of("grpo", {"beta=0"}, R"({"log_probs":[[-1],[-1e999]],"rewards":[[1],[0]],"groups":[0,0]})") != "");
  CHECK(problem_of("grpo", {"beta=0"}, R"({"log_probs":[[-1],[-2]],"rewards":[[1],["x"]],"groups":[0,0]})")
            .find("rewards[1]") != std::string::npos);
}

TEST_CASE("trl: products against its paper are refused, numbers of another loss too") {
  CHECK(problem_of("trl", {"loss_type=dapo", "importance_sampling_level=sequence"}, full)
            .find("importance_sampling_level") != std::string::npos);
  CHECK(problem_of("trl", {"loss_type=vespo", "delta=4"}, full).find("option delta") == 0);
  CHECK(problem_of("trl", {"loss_type=new"}, full).find("one of grpo, dr_grpo") != std::string::npos);
  CHECK(std::isfinite(answer("trl", {"loss_type=luspo"}, full).loss));
}

TEST_CASE("what is masked or truncated gives no gradient") {
  auto const a = answer("grpo", {"beta=0", "mask_truncated_completions=true"},
                        R"({"log_probs":[[-1,-1],[-2],[-1]],"rewards":[[1],[0],[0]],"groups":[0,0,0],)"
                        R"("truncated":[false,true,false],"masks":[[1,0],[1],[1]]})");
  CHECK(a.d_log_prob[0] != 0);
  CHECK(a.d_log_prob[1] == 0);
  CHECK(a.d_log_prob[2] == 0);
  CHECK(a.d_log_prob[3] != 0);
}

TEST_CASE("the JSON answer has one list a sequence") {
  open_rs::ObjectiveOptions options;
  auto const batch = read_batch(
      open_rs::parse_line(R"({"log_probs":[[-1,-1],[],[-2]],"rewards":[[1],[0],[null]],"groups":[0,0,0]})", 1),
      options);
  auto const text =
      to_json(evaluate(open_rs::algorithm_of("grpo", {"beta=0"}, options), batch, options), batch.episodes);
  auto const json = grove::io::Json::parse(text);
  CHECK(json["d_log_prob"].size() == 3);
  CHECK(json["d_log_prob"][0].size() == 2);
  CHECK(json["advantages"][1].empty());
  CHECK(json["advantages"][2][0] == 0);  // every reward declined it
  CHECK(json["metrics"].contains("policy_loss"));
}
