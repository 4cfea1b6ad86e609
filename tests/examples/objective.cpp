// SPDX-License-Identifier: Apache-2.0
// open_rs objective and the algorithms behind it, as functions.
#include <algorithm>
#include <cctype>
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
  auto const algorithm = open_rs::algorithm_of({.name = name, .settings = settings}, options);
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
  for (auto const& algorithm : grove::named_algorithms()) {
    std::string const name(algorithm.name);
    auto spelled = name, capitals = name, hyphens = name;
    std::erase(spelled, '_');
    for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    std::ranges::replace(hyphens, '_', '-');
    for (auto const& other : {spelled, capitals, hyphens})
      CHECK(grove::algorithm_named(other).describe() == algorithm.make().describe());
  }
  for (auto const* name : {"trl", "TRL", "tRl"}) CHECK(open_rs::is_trl(name));
  CHECK_FALSE(open_rs::is_trl("trl_bnpo"));
}

TEST_CASE("a name that is none is refused with the nearest") {
  CHECK(problem_of("gropo", {}, full).find("one of grpo, ") != std::string::npos);
  CHECK(problem_of("GRPO++", {}, full).ends_with("did you mean grpo?"));
  CHECK(problem_of("g_r_p_o", {}, full).ends_with("did you mean grpo?"));
  CHECK(problem_of(" grpo", {}, full).ends_with("did you mean grpo?"));
  CHECK(problem_of("Dr. GRPO", {}, full).ends_with("did you mean dr_grpo?"));
  CHECK(problem_of("REINFORCE++", {}, full).ends_with("did you mean reinforce_plus_plus?"));
  CHECK(problem_of("", {}, full).find("'' is no algorithm") != std::string::npos);
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
    auto const algorithm = open_rs::algorithm_of({.name = "grpo", .settings = settings}, options);
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
  CHECK(problem_of("gpg", {"epsilon=0.1"}, full).find("does nothing in gpg") != std::string::npos);
  CHECK(problem_of("pass_at_k", {"k=4"}, full).find("option k") != std::string::npos);
  CHECK(problem_of("dr_grpo", {}, full).find("option max_completion_length") == 0);
  CHECK(problem_of("grpo", {"reward_weights=1"}, full).find("option reward_weights") == 0);
  CHECK(problem_of("grpo", {"reward_weights=nan,1"}, full).find("option reward_weights") == 0);
  CHECK(problem_of("grpo", {"epsilon=much"}, full).find("a number") != std::string::npos);
  CHECK(problem_of("grpo", {"reward_weights="}, full) == "option reward_weights: is ''; expected a number");
  CHECK(problem_of("grpo", {"reward_weights=1,inf"}, full).find("option reward_weights: is 1,inf") == 0);
  CHECK(problem_of("grpo", {"seed=1.5"}, full).find("option seed: is '1.5'; expected a whole number") == 0);
  CHECK(problem_of("grpo", {"seed=-1"}, full).find("option seed") == 0);
  CHECK(problem_of("grpo", {"beta=inf"}, full) == "option beta: is inf; expected finite and at least 0");
  CHECK(problem_of("ppo", {"vf_coef=inf"}, full).find("option vf_coef: is inf") == 0);
  CHECK(problem_of("ppo", {"cliprange_value=inf"}, full).empty());
}

TEST_CASE("options that bound each other are refused with both names") {
  CHECK(problem_of("trl", {"delta=1.1"}, full) ==
        "option delta: is 1.100000; expected greater than 1 + epsilon, which is 1.2");
  CHECK(problem_of("trl", {"delta=1.1", "epsilon=0.05"}, full).empty());
  for (auto const* loss : {"dapo", "cispo", "sapo", "vespo", "luspo"})
    CHECK(problem_of("trl", {std::string("loss_type=") + loss, "vllm_importance_sampling_clip_min=4"}, full)
              .find("option vllm_importance_sampling_clip_max: is 3.000000; expected at least "
                    "vllm_importance_sampling_clip_min, which is 4") == 0);
  CHECK(problem_of("clip_cov", {"clip_cov_lb=6"}, full) ==
        "option clip_cov_ub: is 5.000000; expected greater than clip_cov_lb, which is 6");
  CHECK(problem_of("trl", {"use_adaptive_entropy=true", "entropy_coef_min=2"}, full).find("option entropy_coef_max") ==
        0);
  CHECK(problem_of("bnpo_paper", {"reward_weights=1,0", "min_reward=1"}, full).find("option max_reward: is 1") == 0);
}

TEST_CASE("a key that does nothing is refused with all that do") {
  CHECK(problem_of("gpg", {"epsilon=0.1"}, full) ==
        "option epsilon: does nothing in gpg; expected one of f_norm, beta, reward_weights, "
        "mask_truncated_completions, seed");
  auto const of_trl = problem_of("trl", {"los_type=dapo"}, full);
  for (auto const* key : {"loss_type", "scale_rewards", "delta", "top_entropy_quantile", "reward_weights", "seed"})
    CHECK(of_trl.find(key) != std::string::npos);
  // Not every command has all keys of a run.
  open_rs::ObjectiveOptions options;
  CHECK_THROWS_AS(open_rs::algorithm_of({.name = "gpg", .settings = {"seed=3"}, .run_keys = {}}, options),
                  grove::Error);
}

TEST_CASE("of a key given twice the last counts") {
  open_rs::ObjectiveOptions options;
  open_rs::algorithm_of({.name = "grpo", .settings = {"reward_weights=1,2", "reward_weights=3,4"}}, options);
  CHECK(options.reward_weights == std::vector<double>{3, 4});
}

TEST_CASE("the help has the keys of the chosen algorithm alone, and what trl chooses") {
  auto const table = [](std::string const& name, std::vector<std::string> const& settings) {
    auto const text = open_rs::algorithm_table({.name = name, .settings = settings});
    return text.substr(text.find("Keys of"));
  };
  for (auto const& algorithm : grove::named_algorithms()) {
    auto const keys = table(std::string(algorithm.name), {});
    auto const made = algorithm.make();
    grove::visit_options(made, [&](grove::Option const& option, auto const&) {
      CHECK(keys.find("  " + std::string(option.name) + "=") != std::string::npos);
    });
    CHECK(keys.find("  seed=0") != std::string::npos);
  }
  CHECK(table("gpg", {}).find("epsilon") == std::string::npos);
  CHECK(table("trl", {}).find("vllm_importance_sampling_mode=sequence_mask") != std::string::npos);
  CHECK(table("trl", {}).find("importance_sampling_level=token ") != std::string::npos);
  auto const vespo = table("trl", {"loss_type=vespo"});
  CHECK(vespo.find("loss_type=vespo") != std::string::npos);
  CHECK(vespo.find("vllm_importance_sampling_mode=token_truncate") != std::string::npos);
  CHECK(vespo.find("vespo_k_pos=") != std::string::npos);
  CHECK(vespo.find("epsilon=") == std::string::npos);
  CHECK(table("trl", {"loss_type=luspo"}).find("importance_sampling_level=sequence") != std::string::npos);
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

TEST_CASE("numbers that no double can hold are refused with their place") {
  auto const of = [](std::string const& columns) {
    return problem_of("grpo", {"beta=0"}, R"({"log_probs":[[-1],[-2]],"groups":[0,0],)" + columns + "}");
  };
  CHECK(of(R"("rewards":[[1],[NaN]])") == "stdin:1: column 57: rewards[1][0] is NaN; expected a finite number");
  CHECK(of(R"("rewards":[[1],[-Infinity]])").find("rewards[1][0] is -Infinity") != std::string::npos);
  CHECK(of(R"("rewards":[[1],[1e999]])").find("rewards[1][0] is 1e999") != std::string::npos);
  CHECK(of(R"("rewards":[[1],[1e200]])") == "stdin:1, rewards[1]: holds 1e+200; expected numbers from -1e100 to 1e100");
  CHECK(of(R"("rewards":[[1],[0]],"old_log_probs":[[-1],[-1e200]])").find("stdin:1, old_log_probs[1]: holds") == 0);
  CHECK(of(R"("rewards":[[1],[1e100]])").empty());
  // Finite numbers whose product is not.
  CHECK(problem_of("dr_grpo", {"reward_weights=1e300", "max_completion_length=1"},
                   R"({"log_probs":[[-1],[-2]],"groups":[0,0],"rewards":[[1e100],[0]]})")
            .find("comes out as ") != std::string::npos);
}

TEST_CASE("what an estimator refuses is said with the line") {
  CHECK(problem_of("bnpo_paper", {"reward_weights=5,0"}, full).find("stdin:1, options min_reward and max_reward: ") ==
        0);
  CHECK(problem_of("pass_at_k", {"k=4"}, full).find("stdin:1, groups[0], option k: is 4") == 0);
  CHECK(problem_of("grpo", {"beta=0"}, R"({"log_probs":[[-1],[-2],[-3]],"rewards":[[1],[0],[1]],"groups":[0,1,0]})") ==
        "stdin:1, groups[1]: is a group of 1; expected at least 2 sequences; the estimator compares an answer with the "
        "others to its problem");
  CHECK(problem_of("grpo", {"beta=0"}, R"({"log_probs":[[-1],[-2]],"rewards":[[],[]],"groups":[0,0]})") ==
        "stdin:1, rewards[0]: has 0 numbers; expected one for each reward");
  CHECK(problem_of("re_max", {"beta=0"}, R"({"log_probs":[[-1],[-2]],"rewards":[[1],[0]],"greedy_rewards":[1]})")
            .find("one a sequence: there are no groups") != std::string::npos);
}

TEST_CASE("trl: products against its paper are refused, numbers of another loss too") {
  CHECK(problem_of("trl", {"loss_type=dapo", "importance_sampling_level=sequence"}, full)
            .find("importance_sampling_level") != std::string::npos);
  CHECK(problem_of("trl", {"loss_type=vespo", "delta=4"}, full).find("option delta") == 0);
  CHECK(problem_of("trl", {"loss_type=new"}, full).find("one of grpo, dr_grpo") != std::string::npos);
  CHECK(std::isfinite(answer("trl", {"loss_type=luspo"}, full).loss));
}

TEST_CASE("trl: scale_rewards takes TRL's booleans, and a steered entropy bonus reads entropies") {
  CHECK(answer("trl", {"scale_rewards=true"}, full).advantages == answer("trl", {}, full).advantages);
  CHECK(answer("trl", {"scale_rewards=false"}, full).advantages ==
        answer("trl", {"scale_rewards=none"}, full).advantages);
  std::string const line = R"({"log_probs":[[-1],[-2]],"rewards":[[1],[0]],"groups":[0,0]})";
  CHECK(problem_of("trl", {}, line).empty());
  // Also with a coefficient of 0, which may be where the controller has brought it.
  CHECK(problem_of("trl", {"use_adaptive_entropy=true"}, line).find("entropies is missing") != std::string::npos);
}

TEST_CASE("masks may be true and false") {
  auto const with = [](std::string const& masks) {
    return answer("grpo", {"beta=0"},
                  R"({"log_probs":[[-1,-1],[-2]],"rewards":[[1],[0]],"groups":[0,0],"masks":)" + masks + "}")
        .d_log_prob;
  };
  CHECK(with("[[true,false],[true]]") == with("[[1,0],[1]]"));
  CHECK(problem_of("grpo", {"beta=0"},
                   R"({"log_probs":[[-1],[-2]],"rewards":[[1],[0]],"groups":[0,0],"masks":[[1],[0.5]]})") ==
        "stdin:1, masks[1]: holds 0.5; expected true or false, or 1 or 0");
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
      to_json(evaluate(open_rs::algorithm_of({.name = "grpo", .settings = {"beta=0"}}, options), batch, options),
              batch.episodes);
  auto const json = grove::io::Json::parse(text);
  CHECK(json["d_log_prob"].size() == 3);
  CHECK(json["d_log_prob"][0].size() == 2);
  CHECK(json["advantages"][1].empty());
  CHECK(json["advantages"][2][0] == 0);  // every reward declined it
  CHECK(json["metrics"].contains("policy_loss"));
}
