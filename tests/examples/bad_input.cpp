// SPDX-License-Identifier: Apache-2.0
// What a user may do wrong, each met with one line that names it, exit code 2, and nothing half-written.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "examples/workplace.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;
using test::Captured;
using test::run;
using test::Workplace;

void check(Captured const& result, std::string const& part) {
  INFO(result.error);
  CHECK(result.code == 2);
  CHECK(result.error.find(part) != std::string::npos);
  CHECK(std::ranges::count(result.error, '\n') == 1);
}

/// The program with its stdout on a device that is always full.
Captured run_into_full(std::vector<std::string> arguments, std::string const& input) {
  arguments.insert(arguments.begin(), "open_rs");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  std::ofstream full("/dev/full");
  REQUIRE(full);
  return test::captured(input, [&] {
    auto* const caught = std::cout.rdbuf(full.rdbuf());
    int const code = open_rs::main(static_cast<int>(argv.size()), argv.data());
    std::cout.rdbuf(caught);
    std::cout.clear();
    return code;
  });
}

std::string repeated(std::string const& line, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += line;
  return text;
}

std::string contents(fs::path const& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write(fs::path const& file, std::string const& text) { std::ofstream(file, std::ios::binary) << text; }

/// Replaces the first occurrence in a file; the text must be there.
void edit(fs::path const& file, std::string const& what, std::string const& by) {
  auto text = contents(file);
  auto const at = text.find(what);
  REQUIRE(at != text.npos);
  write(file, text.replace(at, what.size(), by));
}

}  // namespace

TEST_CASE("bad input: a full disk behind stdout") {
  Workplace const w;
  if (!fs::exists("/dev/full")) {
    WARN("skipped: there is no /dev/full");
    return;
  }
  std::string const ids = repeated("{\"ids\":[1,2,3]}\n", 2000);
  for (auto const& result :
       {run_into_full({"logprobs", "--model", w.model}, "{\"ids\":[1,2]}\n"),
        run_into_full({"logprobs", "--model", w.model}, ids),
        run_into_full({"tokenize", "--model", w.model}, "hello\n"),
        run_into_full({"detokenize", "--model", w.model}, "{\"ids\":[1,2]}\n"),
        run_into_full({"generate", "--model", w.model, "--max-tokens", "3"}, "{\"prompt\":\"a\"}\n"),
        run_into_full({"score", "--rewards", "accuracy"}, "{\"gold\":\"$1$\",\"completion\":\"$1$\"}\n"),
        run_into_full({"verify", "1", "1"}, ""),
        run_into_full({"objective", "--algorithm", "grpo", "--set", "beta=0"},
                      "{\"log_probs\":[[-1],[-2]],\"rewards\":[[1],[0]],\"groups\":[0,0]}\n")})
    check(result, "stdout: cannot be written");
}

TEST_CASE("bad input: weights that are no numbers") {
  Workplace const w;
  auto model = tiny::policy();
  for (auto& view : model.parameters())
    if (view.name == "model.norm.weight") static_cast<float*>(view.value)[3] = std::numeric_limits<float>::quiet_NaN();
  auto const folder = (w.root / "broken").string();
  grove::save_model(model, tiny::tokenizer_folder(), folder);
  auto const scored = run({"logprobs", "--model", folder}, "{\"ids\":[1,2,3]}\n");
  check(scored, "not finite");
  CHECK(scored.out.empty());
  auto const generated = run({"generate", "--model", folder, "--max-tokens", "3"}, "{\"prompt\":\"a\"}\n");
  check(generated, "logit");
  CHECK(generated.out.empty());
}

TEST_CASE("bad input: negative counts") {
  Workplace const w;
  std::string const prompt = "{\"prompt\":\"a\"}\n";
  check(run({"generate", "--model", w.model, "-n", "-1"}, prompt), "-1");
  check(run({"generate", "--model", w.model, "--max-tokens", "-3"}, prompt), "--max-tokens");
  check(run({"generate", "--model", w.model, "--top-k", "-3"}, prompt), "--top-k");
  check(run({"generate", "--model", w.model, "--max-tokens", "0"}, prompt), "--max-tokens");
  check(run({"logprobs", "--model", w.model, "--batch", "-2"}, ""), "--batch");
  for (std::string const memory : {"-2", "8X", "G", "9999999999999T"})
    check(run({"generate", "--model", w.model, "--kv-cache-bytes", memory}, prompt), "--kv-cache-bytes");
  check(run({"generate", "--model", w.model, "--kv-cache-bytes", "1000"}, prompt), "prompt of id 0: could grow to");
  check(run({"logprobs", "--model", w.model, "--threads", "-1"}, ""), "--threads");
  check(run(w.train({"--steps", "-1"})), "--steps");
  check(run(w.train({"--set", "num_generations=-2"})), "num_generations");
  check(run(w.train({"--set", "max_completion_length=-1"})), "max_completion_length");
  check(run({"generate", "--model", w.model}, "{\"prompt\":\"a\",\"id\":-1}\n"), "stdin:1");
  CHECK_FALSE(fs::exists(w.root / "run"));
}

TEST_CASE("bad input: an output folder that cannot be written") {
  Workplace const w;
  write(w.root / "file", "in the way");
  auto const steps = std::vector<std::string>{"--steps", "1", "--out"};
  auto const into = [&](fs::path const& out) {
    auto arguments = w.train(steps);
    arguments.erase(std::ranges::find(arguments, "--out"), std::ranges::find(arguments, "--out") + 2);
    arguments.push_back(out.string());
    return run(arguments);
  };
  for (auto const& out : {w.root / "file", w.root / "file" / "run", fs::path("/proc/grove-run")}) {
    check(into(out), out.string() + ": cannot be made");
  }
  CHECK(contents(w.root / "file") == "in the way");
  auto const recorded = run(w.train({"--steps", "1", "--record", (w.root / "file" / "record").string()}));
  CHECK(recorded.code == 2);
  CHECK(recorded.says("cannot be made"));
}

TEST_CASE("bad input: a trace that could not be written is refused before the run, not after it") {
  Workplace const w;
  write(w.root / "file", "in the way");
  for (auto const& trace : {w.root / "nowhere" / "trace.json", w.root / "file" / "trace.json", w.root})
    check(run(w.train({"--steps", "1", "--trace", trace.string()})), trace.string().append("' cannot be written"));
  CHECK_FALSE(fs::exists(w.root / "run"));
}

TEST_CASE("bad input: numbers of an algorithm outside their range, before anything is planned or loaded") {
  Workplace const w;
  for (auto const* setting : {"lambda=2", "epsilon=-1", "gamma=1.5", "cliprange_value=-1"}) {
    std::string const name(setting, std::string(setting).find('='));
    check(run(w.train({"--algorithm", "ppo", "--set", setting, "--dry-run"})), "option " + name);
    check(run(w.train({"--algorithm", "ppo", "--set", setting, "--steps", "1"})), "option " + name);
  }
  auto const refused = [&](std::string const& algorithm, std::string const& setting, std::string const& sentence) {
    check(run(w.train({"--algorithm", algorithm, "--set", setting, "--dry-run"})), sentence);
  };
  refused("GRPO++", "seed=1", "did you mean grpo?");
  refused("pass_at_k", "k=99", "option k: is 99; expected between 1 and num_generations");
  refused("clip_cov", "clip_cov_lb=9", "greater than clip_cov_lb, which is 9");
  refused("trl", "delta=1.1", "greater than 1 + epsilon, which is 1.2");
  refused("trl", "vllm_importance_sampling_clip_min=5", "vllm_importance_sampling_clip_min, which is 5");
  refused("gpg", "importance_sampling_level=token", "importance_sampling_level does nothing in gpg");
  CHECK_FALSE(fs::exists(w.root / "run"));
}

TEST_CASE("bad input: data sets that are empty or name a problem twice") {
  Workplace const w;
  write(w.data, "");
  check(run(w.train({"--steps", "1"})), "holds no problems");
  write(w.data, "{\"problem\":\"a\",\"answer\":1,\"id\":4}\n{\"problem\":\"b\",\"answer\":2,\"id\":4}\n");
  check(run(w.train({"--steps", "1"})), "data.jsonl:2: the id 4 stands in line 1 already");
  fs::remove(w.data);
  check(run(w.train({"--steps", "1"})), "data.jsonl");
  CHECK_FALSE(fs::exists(w.root / "run"));
}

TEST_CASE("bad input: a prompt longer than the context") {
  Workplace const w;
  std::string const prompt = repeated("one two three four ", 200);  // the model has 128 places
  auto const generated = run({"generate", "--model", w.model, "--max-tokens", "3"},
                             "{\"prompt\":\"a\"}\n{\"prompt\":\"" + prompt + "\"}\n");
  check(generated, "stdin:2");
  CHECK(generated.says("fewer than the model's context of 128"));
  CHECK(generated.lines().size() == 1);
  std::string ids = "1";
  for (int i = 0; i < 128; ++i) ids += ",1";
  check(run({"logprobs", "--model", w.model}, "{\"ids\":[" + ids + "]}\n"), "at most the model's context of 128");
}

TEST_CASE("bad input: token ids out of range") {
  Workplace const w;
  check(run({"logprobs", "--model", w.model}, "{\"ids\":[1,99999999]}\n"), "stdin:1");
  check(run({"logprobs", "--model", w.model}, "{\"ids\":[1,2.5]}\n"), "stdin:1");
  check(run({"detokenize", "--model", w.model}, "{\"ids\":[99999999]}\n"), "stdin:1");
}

TEST_CASE("bad input: model folders that lie") {
  Workplace const w;
  fs::path const folder = w.model, weights = folder / "model.safetensors", config = folder / "config.json";
  auto const loaded = [&] { return run({"logprobs", "--model", w.model}, "{\"ids\":[1,2]}\n"); };
  auto const whole = contents(weights), described = contents(config);

  SECTION("truncated") {
    write(weights, whole.substr(0, whole.size() / 2));
    check(loaded(), "model.safetensors");
  }
  SECTION("no weights at all") {
    fs::remove(weights);
    check(loaded(), "model.safetensors");
  }
  SECTION("another name: one tensor is missing, one too many") {
    edit(weights, "model.norm.weight", "model.norm.weighs");
    check(loaded(), "model.norm.weigh");
  }
  SECTION("a shape that the bytes do not fill") {
    edit(weights, "\"shape\":[32]", "\"shape\":[33]");
    check(loaded(), "shape [33]");
  }
  SECTION("a type that is none") {
    edit(weights, "\"F32\"", "\"F3x\"");
    check(loaded(), "F3x");
  }
  SECTION("a configuration of another size") {
    edit(config, "\"intermediate_size\": 48", "\"intermediate_size\": 64");
    check(loaded(), "mlp");
  }
  SECTION("an architecture that nobody knows") {
    edit(config, "Qwen2ForCausalLM", "Qwen9ForCausalLM");
    check(loaded(), "Qwen9ForCausalLM");
  }
  SECTION("a configuration that is no JSON") {
    write(config, described.substr(0, described.size() / 2));
    check(loaded(), "config.json");
  }
}
