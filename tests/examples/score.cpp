// SPDX-License-Identifier: Apache-2.0
// open_rs score as a function with its streams redirected.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "grove/io/json.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/rewards.hpp"
#include "support/captured.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

using grove::io::Json;

using Scored = test::Captured;

Scored score(std::vector<std::string> const& arguments, std::string const& input,
             std::vector<open_rs::ExtraReward> const& extras = {}) {
  return test::captured(input,
                        [&] { return open_rs::guarded("open_rs", [&] { return open_rs::score(arguments, extras); }); });
}

/// A line of input.
std::string line(std::string const& gold, std::string const& completion, Json more = Json::object()) {
  more["gold"] = gold;
  more["completion"] = completion;
  return more.dump() + "\n";
}

}  // namespace

TEST_CASE("score gives each reward's value, line by line, and ignores other fields") {
  auto const result = score({"--rewards", "accuracy,format"},
                            line("$6$", "\\boxed{6}", {{"other", Json::array({1, 2})}}) +
                                line("$\\frac{1}{2}$", "so\n</think>\n\\boxed{0.5}") + line("$6$", "\\boxed{7}"));
  REQUIRE(result.code == 0);
  REQUIRE(result.out ==
          "{\"accuracy\":1.0,\"format\":0.0}\n{\"accuracy\":1.0,\"format\":1.0}\n"
          "{\"accuracy\":0.0,\"format\":0.0}\n");
}

TEST_CASE("a gold answer without meaning gives null, an answer without one 0") {
  auto const input = line("the proof is left to the reader", "\\boxed{1}") + line("$6$", "no idea");
  auto const compatible = score({"--verifier", "compatible", "--rewards", "accuracy,cosine"},
                                line("prose", "\\boxed{1}", {{"tokens", 3}}) + line("$6$", "no", {{"tokens", 0}}));
  REQUIRE(compatible.lines()[0]["accuracy"].is_null());
  REQUIRE(compatible.lines()[0]["cosine"].is_null());
  REQUIRE(compatible.lines()[1]["accuracy"] == 0.0);
  REQUIRE(compatible.lines()[1]["cosine"] == -0.5);
  REQUIRE(score({"--verifier", "compatible-open-rs"}, input).lines()[0]["accuracy"] == 1.0);  // open-rs's own rule
}

TEST_CASE("score explains what was extracted, how it was read and why it was judged so") {
  auto const why = score({"--explain"}, line("$\\frac{1}{2}$", "\\boxed{0.5}")).lines()[0]["explain"]["accuracy"];
  REQUIRE(why["verdict"] == "Equal");
  REQUIRE(why["answer_extracted"] == "0.5");
  REQUIRE(why["gold"] == "1/2");
  REQUIRE_FALSE(why["reason"].get<std::string>().empty());
}

TEST_CASE("rewards that compare lines do so among lines of equal group, all where there is none") {
  auto const input = [](bool grouped) {
    std::string text;
    for (int i = 0; i < 4; ++i) {
      Json more = {{"tokens", 10 * (i + 1)}};
      if (grouped) more["group"] = i % 2;
      text += line("$6$", "\\boxed{6}", more);
    }
    return text;
  };
  auto const values = [](Scored const& result) {
    std::vector<double> all;
    for (auto const& one : result.lines()) all.push_back(one["length"]);
    return all;
  };
  REQUIRE(values(score({"--rewards", "length"}, input(true))) == std::vector{0.5, 0.5, -0.5, -0.5});
  auto const together = values(score({"--rewards", "length"}, input(false)));
  REQUIRE(together.front() == 0.5);
  REQUIRE(together[1] == Approx(0.5 - 1.0 / 3));
  REQUIRE(together.back() == -0.5);
}

TEST_CASE("a reward of tokens wants them, by its name") {
  auto const cosine = score({"--rewards", "accuracy,cosine"}, line("$6$", "\\boxed{6}"));
  REQUIRE(cosine.code == 2);
  REQUIRE(cosine.says("stdin:1: the reward cosine counts tokens"));
  REQUIRE(cosine.says("--model"));
  REQUIRE(score({"--rewards", "cosine", "--set", "cosine.unit=characters"}, line("$6$", "\\boxed{6}")).code == 0);
  std::vector<std::string> const repetition = {"--rewards", "repetition_penalty",
                                               "--set",     "repetition_penalty.unit=tokens",
                                               "--set",     "repetition_penalty.ngram_size=1"};
  REQUIRE(score(repetition, line("", "a", {{"tokens", 4}})).says("list of their ids"));
  REQUIRE(score(repetition, line("", "a", {{"tokens", {5, 5, 5, 5}}})).lines()[0]["repetition_penalty"] == -0.75);
  REQUIRE(score({"--rewards", "cosine"}, line("$6$", "x", {{"tokens", -1}})).code == 2);
  REQUIRE(score({"--rewards", "cosine"}, line("$6$", "x", {{"tokens", 1e30}})).code == 2);
}

TEST_CASE("cosine as described, and with the script's inverted defaults") {
  auto const wrong = line("$6$", "\\boxed{7}" + std::string(91, '.'), {{"tokens", 1000}});
  REQUIRE(score({"--rewards", "cosine"}, wrong).lines()[0]["cosine"] == 0.0);
  std::vector<std::string> script = {"--rewards",         "cosine", "--set", "cosine.defaults=open-rs", "--set",
                                     "cosine.max_len=100"};
  REQUIRE(score(script, wrong).lines()[0]["cosine"] == -0.5);
  REQUIRE(score({"--rewards", "cosine", "--set", "cosine.max_len=-5"}, wrong).says("cosine_max_len: is -5"));
  script.insert(script.end(), {"--set", "cosine.cosine_max_value_wrong=-1"});
  REQUIRE(score(script, wrong).lines()[0]["cosine"] == -1.0);
}

TEST_CASE("format in the forms that there are") {
  std::string const r1 = "<think>\na\n</think>\n<answer>\nb\n</answer>";
  auto const value = [&](std::string const& form, std::string const& text) {
    return score({"--rewards", "format", "--set", "format.form=" + form}, line("", text)).lines()[0]["format"];
  };
  REQUIRE(value("open-r1", r1) == 1.0);
  REQUIRE(value("open-r1", r1 + "\nmore") == 1.0);  // its $ stands before any newline
  REQUIRE(value("open-r1", r1 + " more") == 0.0);
  REQUIRE(value("open-r1", "<think>a</think><answer>b</answer>") == 0.0);
  REQUIRE(value("think-answer", "<think>a</think><answer>b</answer>") == 1.0);
  REQUIRE(value("open-rs", r1) == 1.0);
  REQUIRE(value("think", r1) == 1.0);
}

TEST_CASE("a bad line ends the run after all lines before it were written") {
  auto const good = line("$6$", "\\boxed{6}", {{"tokens", 3}});
  for (std::string const bad : {"{\"gold\":\"6\"}", "{\"gold\":\"6\",\"completion\":7}", "{\"gold\"", "text", ""}) {
    INFO(bad);
    auto const result = score({"--rewards", "accuracy,length"}, good + good + bad + "\n" + good);
    REQUIRE(result.code == 2);
    REQUIRE(result.lines().size() == 2);
    REQUIRE(result.says("stdin:3:"));
  }
}

TEST_CASE("lines come out in their order, however many there are") {
  std::string input;
  for (int i = 0; i < 10'000; ++i)
    input += line(std::to_string(i), "\\boxed{" + std::to_string(i % 7 == 0 ? i : -1) + "}");
  auto const result = score({"--threads", "3"}, input);
  auto const lines = result.lines();
  REQUIRE(lines.size() == 10'000);
  std::size_t right = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) right += lines[i]["accuracy"] == (i % 7 == 0 ? 1.0 : 0.0);
  REQUIRE(right == lines.size());
  REQUIRE(score({"--threads", "1"}, input).out == result.out);
}

TEST_CASE("rewards, keys and verifiers that do not exist are refused") {
  REQUIRE(score({"--rewards", "acuracy"}, "").says("there is no reward 'acuracy'"));
  REQUIRE(score({"--verifier", "sympy", "--rewards", "format"}, "").says("verifier is 'sympy'"));
  REQUIRE(score({"--rewards", "cosine", "--set", "cosine.lenght=3"}, "").says("the reward cosine has no key 'lenght'"));
  REQUIRE(score({"--set", "cosine.max_len=3"}, "").says("cosine is not among --rewards"));
  REQUIRE(score({"--rewards", "cosine", "--set", "cosine.max_len=long"}, "").code == 2);
  REQUIRE(score({"--rewards", "length", "--set", "length.budget_limit=1"}, "").code == 2);  // of another reward
  for (std::string const value : {"nan", "inf", "-inf"}) {
    REQUIRE(score({"--rewards", "cosine", "--set", "cosine.min_value_wrong=" + value}, "").says("a finite number"));
    REQUIRE(score({"--rewards", "repetition", "--set", "repetition.max_penalty=" + value}, "").says("a finite number"));
  }
  REQUIRE(score({"--rewards", ""}, "").code == 2);
  REQUIRE(score({"--rewards", "soft_overlong", "--set", "soft_overlong.soft_punish_cache=10"}, "").code == 0);
}

TEST_CASE("a program's own rewards are scored by their names") {
  open_rs::ExtraReward const even{"even", [](grove::RewardSet& set, double weight) {
                                    set.add("even", weight, [](grove::Problem const&, grove::Completion const& c) {
                                      return c.tokens.size() % 2 == 0 ? 1.0 : 0.0;
                                    });
                                  }};
  REQUIRE(score({"--rewards", "even"}, line("", "", {{"tokens", 4}}) + line("", "", {{"tokens", 3}}), {even}).out ==
          "{\"even\":1.0}\n{\"even\":0.0}\n");
}

TEST_CASE("lines on which a reward fails are null, or the fallback, and counted up to a rate") {
  open_rs::ExtraReward const picky{"picky", [](grove::RewardSet& set, double weight) {
                                     set.add("picky", weight, [](grove::Problem const&, grove::Completion const& c) {
                                       if (c.text == "bad") throw std::runtime_error("it broke");
                                       return 1.0;
                                     });
                                   }};
  auto const input = line("", "good") + line("", "bad") + line("", "good");
  auto const result = score({"--rewards", "picky"}, input, {picky});
  REQUIRE(result.code == 0);
  REQUIRE(result.out == "{\"picky\":1.0}\n{\"picky\":null}\n{\"picky\":1.0}\n");
  REQUIRE(result.says("picky: failed on 1 of 3 lines, whose score is null; first failure, line 2: it broke"));
  auto const sums = score({"--rewards", "picky,format", "--statistics"}, input, {picky});
  REQUIRE(sums.says(" ms; first failure, line 2: it broke\nformat: mean 0, std 0, 0 declined, 0 unparsed, 0 errors"));
  auto const fallback = score({"--rewards", "picky", "--set", "reward_fallback=-1"}, input, {picky});
  REQUIRE(fallback.out == "{\"picky\":1.0}\n{\"picky\":-1.0}\n{\"picky\":1.0}\n");
  auto const none = score({"--rewards", "picky", "--set", "reward_max_error_rate=0"}, input, {picky});
  REQUIRE(none.code != 0);
  REQUIRE(none.says("it broke"));
  REQUIRE(score({"--rewards", "picky"}, line("", "bad") + line("", "bad"), {picky}).says("it broke"));
  REQUIRE(score({"--rewards", "picky"}, line("", "good"), {picky}).error.empty());
}

TEST_CASE("the reward code runs tests of the line, where that was allowed") {
  Json const tests = {{"tests", {"assert f(1) == 2", "assert f(2) == 2"}}};
  auto const input = line("", "```python\ndef f(x): return x + 1\n```", tests);
  REQUIRE(score({"--rewards", "code"}, input).says("code_run_allow=1"));
  if (!std::ifstream("/usr/bin/python3")) return;
  REQUIRE(score({"--rewards", "code", "--set", "code.allow=1"}, input).lines()[0]["code"] == 0.5);
}

TEST_CASE("a reward model scores the conversation of prompt and completion") {
  namespace fs = std::filesystem;
  TemporaryFolder const folder("reward-model");
  fs::copy(tiny::tokenizer_folder(), folder.path, fs::copy_options::recursive);
  std::ofstream(folder.path / "chat_template.jinja") << "{% for m in messages %}{{ m['content'] }}{% endfor %}";
  auto const model = fs::path(GROVE_TEST_DATA) / "reward" / "classifier" / "qwen2";
  for (auto const* file : {"config.json", "model.safetensors"})
    fs::copy_file(model / file, folder.path / file, fs::copy_options::overwrite_existing);
  REQUIRE(score({"--rewards", "reward_model"}, "").says("reward_model_folder is empty"));
  std::vector<std::string> const arguments = {"--rewards", "reward_model", "--set",
                                              "reward_model.folder=" + folder.path.string()};
  auto const result =
      score(arguments, line("", "2", {{"prompt", "1"}}) + line("", "12", {{"prompt", ""}}) + line("", "3"));
  INFO(result.error);
  REQUIRE(result.code == 0);
  REQUIRE(result.lines()[0]["reward_model"] == result.lines()[1]["reward_model"]);
  REQUIRE(result.lines()[0]["reward_model"] != result.lines()[2]["reward_model"]);
}
