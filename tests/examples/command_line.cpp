// SPDX-License-Identifier: Apache-2.0
// The command line of open_rs on a tiny random model, called as a function with its streams redirected.
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "examples/workplace.hpp"
#include "grove/algorithms.hpp"
#include "grove/io/json.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;
using grove::io::Json;

using test::Captured;
using test::run;
using test::Workplace;

struct Even {
  double operator()(grove::Problem const&, grove::Completion const& c) const {
    return c.tokens.empty() ? 0.0 : c.tokens.back() % 2;
  }
};

struct Breaks {
  double operator()(grove::Problem const&, grove::Completion const&) const { throw std::runtime_error("it broke"); }
};

}  // namespace

TEST_CASE("tokenize and detokenize take text, JSON and ids, in order") {
  Workplace const w;
  auto const ids = run({"tokenize", "--model", w.model}, "hello\n{\"text\":\"hello\"}\n");
  REQUIRE(ids.code == 0);
  REQUIRE(ids.lines().size() == 2);
  REQUIRE(ids.lines()[0] == ids.lines()[1]);
  auto const text = run({"detokenize", "--model", w.model}, ids.out);
  REQUIRE(text.lines()[1]["text"] == "hello");
}

TEST_CASE("a bad line ends the run after the answers to those before it") {
  Workplace const w;
  auto const result = run({"logprobs", "--model", w.model}, "{\"ids\":[1,2,3]}\n{\"ids\":[1,-1]}\n{\"ids\":[1,2]}\n");
  REQUIRE(result.code == 2);
  REQUIRE(result.lines().size() == 1);
  REQUIRE(result.lines()[0]["log_probs"].size() == 2);
  REQUIRE(result.error.find("stdin:2:") != std::string::npos);
}

TEST_CASE("one token has no log-prob, none is an error") {
  Workplace const w;
  REQUIRE(run({"logprobs", "--model", w.model}, "{\"ids\":[1]}\n").lines()[0]["log_probs"].empty());
  REQUIRE(run({"logprobs", "--model", w.model}, "{\"ids\":[]}\n").code == 2);
}

TEST_CASE("threads, batch and memory for keys and values change no log-prob and no completion") {
  Workplace const w;
  std::string ids, prompts;
  for (int i = 0; i < 20; ++i) {
    ids += "{\"ids\":[1,2," + std::to_string(i) + ",7,9]}\n";
    prompts += "{\"prompt\":\"line " + std::to_string(i) + "\"}\n";
  }
  auto const alone = run({"logprobs", "--model", w.model, "--threads", "1", "--batch", "1"}, ids);
  REQUIRE(run({"logprobs", "--model", w.model, "--threads", "2", "--batch", "7"}, ids).out == alone.out);
  auto const generate = [&](std::string const& threads, std::string const& batch, std::string const& memory) {
    return run({"generate", "--model", w.model, "-n", "2", "--max-tokens", "9", "--threads", threads, "--batch", batch,
                "--kv-cache-bytes", memory},
               prompts)
        .out;
  };
  auto const reference = generate("1", "1", "0");
  REQUIRE(reference.size() > 1000);
  REQUIRE(generate("2", "16", "1G") == reference);
  REQUIRE(generate("2", "16", "300K") == reference);
}

TEST_CASE("a completion is the same alone, among others and in any order, by its id") {
  Workplace const w;
  auto const together = run({"generate", "--model", w.model, "--max-tokens", "8", "--seed", "3"},
                            "{\"prompt\":\"a\",\"id\":5}\n{\"prompt\":\"b\",\"id\":2}\n{\"prompt\":\"c\"}\n");
  auto const alone =
      run({"generate", "--model", w.model, "--max-tokens", "8", "--seed", "3"}, "{\"prompt\":\"b\",\"id\":2}\n");
  REQUIRE(together.lines().size() == 3);
  REQUIRE(together.lines()[1] == alone.lines()[0]);
  REQUIRE(together.lines()[2]["id"] == 2);  // the number of its line
}

TEST_CASE("what generate says of its tokens is what logprobs says of them") {
  Workplace const w;
  auto const prompt = run({"tokenize", "--model", w.model}, "once upon\n").lines()[0]["ids"];
  auto const generated = run({"generate", "--model", w.model, "--max-tokens", "10", "--temperature", "0.8"},
                             "{\"prompt\":\"once upon\"}\n")
                             .lines()[0];
  Json all = prompt;
  for (auto const& id : generated["ids"]) all.push_back(id);
  auto const scored = run({"logprobs", "--model", w.model, "--temperature", "0.8"}, Json{{"ids", all}}.dump() + "\n")
                          .lines()[0]["log_probs"];
  REQUIRE(generated["log_probs"].size() == generated["ids"].size());
  for (std::size_t i = 0; i < generated["log_probs"].size(); ++i)
    CHECK(generated["log_probs"][i] == scored[prompt.size() - 1 + i]);
}

TEST_CASE("messages go through the chat template, and a model without one says so") {
  Workplace const w;
  std::string const line = "{\"messages\":[{\"role\":\"u\",\"content\":\"hi\"}]}\n";
  auto const messages = run({"generate", "--model", w.model, "--max-tokens", "5"}, line);
  REQUIRE(messages.out ==
          run({"generate", "--model", w.model, "--max-tokens", "5"}, "{\"prompt\":\"[u]hi[a]\"}\n").out);
  fs::remove(fs::path(w.model) / "chat_template.jinja");
  auto const without = run({"generate", "--model", w.model}, line);
  REQUIRE(without.code == 2);
  REQUIRE(without.error.find("chat template") != std::string::npos);
}

TEST_CASE("train runs a recipe, and a replay of its record repeats it") {
  Workplace const w;
  auto const record = (w.root / "record").string();
  auto const metrics = [&] {
    std::ifstream in(w.root / "run" / "metrics.jsonl");
    std::vector<Json> steps;
    for (std::string line; std::getline(in, line);) {
      steps.push_back(Json::parse(line));
      for (auto it = steps.back().begin(); it != steps.back().end();)
        it = it.key().starts_with("timing/") || it.key() == "step_time" ? steps.back().erase(it) : std::next(it);
    }
    return steps;
  };
  auto const trained = run(w.train({"--steps", "3", "--record", record}));
  INFO(trained.error);
  REQUIRE(trained.code == 0);
  auto const first = metrics();
  REQUIRE(first.size() == 3);
  REQUIRE(fs::exists(w.root / "run" / "final" / "model.safetensors"));
  fs::remove_all(w.root / "run");
  REQUIRE(run(w.train({"--steps", "3", "--replay", record})).code == 0);
  REQUIRE(metrics() == first);
}

TEST_CASE("train takes TRL's losses, scales and ratio levels, by recipe key and by --algorithm trl") {
  Workplace const w;
  auto const check = [&](std::vector<std::string> const& settings) {
    std::vector<std::string> arguments{"--steps", "1"};
    for (auto const& setting : settings) {
      if (setting.find('=') != std::string::npos) arguments.emplace_back("--set");
      arguments.push_back(setting);
    }
    fs::remove_all(w.root / "run");
    auto const result = run(w.train(arguments));
    INFO(settings.front() << ": " << result.error);
    CHECK(result.code == 0);
  };
  for (auto const* loss : {"dr_grpo", "bnpo", "cispo", "sapo", "luspo", "vespo"})
    check({std::string("loss_type=") + loss});
  check({"scale_rewards=batch"});
  check({"scale_rewards=none", "loss_type=grpo"});
  check({"importance_sampling_level=sequence", "loss_type=grpo"});
  check({"--algorithm", "trl", "loss_type=grpo", "beta=0.1", "delta=3"});
  for (auto const* wrong : {"loss_type=ppo", "scale_rewards=often", "importance_sampling_level=sequence"}) {
    auto const result = run(w.train({"--set", wrong}));
    CHECK(result.code == 2);
    CHECK(std::ranges::count(result.error, '\n') == 1);
  }
}

TEST_CASE("a reward of one's own is named in reward_funcs and listed in the help") {
  Workplace const w;
  auto const trained =
      run(w.train({"--steps", "1", "--set", "reward_funcs=format,even", "--set", "reward_weights=1,2"}), "",
          grove::Named{"even", Even{}});
  INFO(trained.error);
  REQUIRE(trained.code == 0);
  REQUIRE(run({"train", "--help"}, "", grove::Named{"even", Even{}}).out.find("even") != std::string::npos);
  REQUIRE(run(w.train({"--steps", "1", "--set", "reward_funcs=format,even"})).code == 2);
}

TEST_CASE("a reward that throws is counted and gets the fallback, where the recipe says so") {
  Workplace const w;
  grove::Named const breaks{"breaks", Breaks{}};
  auto const settings = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"--steps", "1", "--set", "reward_funcs=format,breaks"};
    for (auto& one : more) all.insert(all.end(), {"--set", std::move(one)});
    return w.train(all);
  };
  auto const stopped = run(settings({}), "", breaks);
  CHECK(stopped.code == 2);
  CHECK(stopped.says("reward breaks: problem "));
  auto const lenient =
      run(settings({"reward_max_error_rate=1", "reward_fallback=-7", "reward_deadline_ms=60000"}), "", breaks);
  INFO(lenient.error);
  REQUIRE(lenient.code == 0);
  std::ifstream file(w.root / "run" / "metrics.jsonl");
  auto const metrics = Json::parse(file);
  CHECK(metrics.at("rewards/breaks/errors") == 4);
  CHECK(metrics.at("rewards/breaks/mean") == -7);
  CHECK(run(settings({"reward_max_error_rate=2"}), "", breaks).says("reward_max_error_rate: 2"));
  CHECK(run(settings({"reward_fallback=much"}), "", breaks).code == 2);
}

TEST_CASE("bad input is one line and exit code 2") {
  Workplace const w;
  auto const check = [](Captured const& result, std::string const& part) {
    CHECK(result.code == 2);
    CHECK(result.error.find(part) != std::string::npos);
    CHECK(std::ranges::count(result.error, '\n') == 1);
  };
  check(run({"trian"}), "trian");
  check(run({"logprobs", "--model", (w.root / "nowhere").string()}), "nowhere");
  check(run(w.train({"--set", "leraning_rate=1"})), "learning_rate");
  check(run(w.train({"--recipe", "exp9"})), "exp1");
  check(run(w.train({"--set", "num_generations=3"})), "num_generations");
  check(run(w.train({"--set", "beta=lots"})), "beta");
  check(run(w.train({"--set", "per_device_train_batch_size=40"})), "problems");
  check(run({"generate", "--model", w.model, "--top-p", "2"}, "{\"prompt\":\"a\"}\n"), "top_p");
  check(run({"generate", "--model", w.model}, "{\"prompt\":\"\"}\n"), "stdin:1");
  check(run({"generate", "--model", w.model}, "plain\n"), "stdin:1");
  check(run({"logprobs", "--model", w.model, "--device", "tpu"}), "--device: 'tpu'; expected cpu, cuda or auto");
  check(run({"logprobs", "--model", w.model, "--dtype", "f16"}), "--dtype: 'f16'; expected f32 or bf16");
}

TEST_CASE("device cuda without a device is one line that says what this build is, for every command with a model") {
  if (!grove::nn::torch::cuda_devices().empty()) {
    WARN("skipped: there is a CUDA device");
    return;
  }
  Workplace const w;
  std::string const what = grove::nn::torch::build().cuda ? "sees no CUDA device" : "CPU build";
  for (auto result : {run({"logprobs", "--model", w.model, "--device", "cuda"}, "{\"ids\":[1,2]}\n"),
                      run({"generate", "--model", w.model, "--device", "cuda"}, "{\"prompt\":\"a\"}\n"),
                      run(w.train({"--device", "cuda"}))}) {
    CHECK(result.code == 2);
    CHECK(result.out.empty());
    CHECK(result.error.find("--device: cuda, but this") != std::string::npos);
    CHECK(result.error.find(what) != std::string::npos);
    CHECK(std::ranges::count(result.error, '\n') == 1);
  }
}

TEST_CASE("version says which build this is and what it sees; auto takes what there is") {
  auto const result = run({"--version"});
  auto const build = grove::nn::torch::build();
  REQUIRE(result.code == 0);
  CHECK(result.out.find(build.cuda ? "CUDA build" : "CPU build") != std::string::npos);
  CHECK(result.out.find("LibTorch " + build.libtorch) != std::string::npos);
  CHECK(result.out.find(std::to_string(std::thread::hardware_concurrency()) + " threads") != std::string::npos);
  open_rs::ModelFlags flags{.dtype = "auto", .device = "auto"};
  auto const options = flags.resolved();
  bool const cuda = !grove::nn::torch::cuda_devices().empty();
  CHECK(options.device == (cuda ? grove::Device::Cuda : grove::Device::Cpu));
  CHECK(options.dtype == (cuda ? grove::Dtype::BF16 : grove::Dtype::F32));
  flags.device = "cpu";
  CHECK(flags.resolved().dtype == grove::Dtype::F32);
}
