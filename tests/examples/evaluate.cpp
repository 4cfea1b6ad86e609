// SPDX-License-Identifier: Apache-2.0
// open_rs evaluate on completions and on a tiny random model, called as a function.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "grove/io/json.hpp"
#include "grove/rollout/run_folder.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/evaluate_samples.hpp"
#include "support/captured.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

namespace fs = std::filesystem;
using grove::io::Json;

using Result = test::Captured;

Result evaluate(open_rs::Arguments const& arguments) {
  return test::captured("", [&] { return open_rs::guarded("open_rs", [&] { return open_rs::evaluate(arguments); }); });
}

struct Workplace {
  TemporaryFolder folder{"evaluate"};

  Workplace() { fs::create_directories(folder.path); }

  std::string write(std::string const& name, std::string const& text) const {
    std::string const path = (folder.path / name).string();
    std::ofstream(path) << text;
    return path;
  }
  std::string model() const {
    fs::path const path = folder.path / "model";
    if (!fs::exists(path)) grove::save_model(tiny::policy(), tiny::tokenizer_folder(), path);
    std::ofstream(path / "chat_template.jinja") << "{% for m in messages %}{{ m['content'] }}{% endfor %}";
    return path.string();
  }
};

std::string test_set() {
  return "{\"id\":\"a\",\"problem\":\"1+1\",\"answer\":2}\n{\"id\":\"b\",\"problem\":\"1+2\",\"answer\":3}\n";
}

std::string line(std::string const& id, std::string const& answer) {
  return "{\"id\":\"" + id + "\",\"completion\":\"It is \\\\boxed{" + answer + "}.\"}\n";
}

}  // namespace

TEST_CASE("evaluate: completions give pass rates, majority and intervals") {
  Workplace const w;
  auto const data = w.write("set.jsonl", test_set());
  auto const completions =
      w.write("completions.jsonl", line("a", "2") + line("a", "2.0") + line("a", "7") + line("a", "2") +
                                       line("b", "5") + line("b", "3") + line("b", "5") + line("b", "6"));
  auto const run = evaluate({"--data", data, "--completions", completions, "--json", "--k", "1,2"});
  INFO(run.error);
  REQUIRE(run.code == 0);
  Json const r = run.json()[data];
  CHECK(r["problems"] == 2);
  CHECK(r["n"] == 4);
  CHECK(r["pass@1"] == Approx(0.5));
  CHECK(r["se"] == Approx(0.25));
  CHECK(r["pass@k"]["2"] == Approx((1.0 + 0.5) / 2));
  CHECK(r["maj@n"] == Approx(0.5));
  CHECK(r["length_unit"] == "characters");
  CHECK(r["truncated"].is_null());
  CHECK(r["strict"]["pass@1"] == Approx(0.5));
}

TEST_CASE("evaluate: gold answers stand where each published set has them") {
  Workplace const w;
  auto const judged = [&](std::string const& name, std::string const& row, std::string const& answer) {
    auto const data = w.write(name + ".jsonl", row + "\n");
    auto const completions = w.write("c.jsonl", line("0", answer));
    auto const run = evaluate({"--data", data, "--completions", completions, "--json"});
    INFO(run.error);
    REQUIRE(run.code == 0);
    Json const result = run.json()[data];
    CHECK(result["strict"]["pass@1"] == result["pass@1"]);
    return result["pass@1"].get<double>();
  };
  std::string const gsm = R"({"question":"?","answer":"It is 5 * 240 = 1,200\n#### 1,200","idx":0})";
  CHECK(judged("gsm", gsm, "1200") == 1.0);
  CHECK(judged("gsm2", gsm, "5") == 0.0);
  std::string const aime = R"({"problem":"?","solution":"we find $k=7$ at last","answer":"113"})";
  CHECK(judged("aime", aime, "113") == 1.0);
  CHECK(judged("aime2", aime, "7") == 0.0);
  std::string const minerva =
      R"({"problem":"?","solution":"so \\[s=\\boxed{1.6} \\mathrm{~cm}\\]","type":"x","idx":0})";
  CHECK(judged("minerva", minerva, "1.6") == 1.0);
  std::string const olympiad = R"({"question":"?","solution":["a proof of $3$"],"final_answer":["2"]})";
  CHECK(judged("olympiad", olympiad, "2") == 1.0);
  CHECK(judged("olympiad2", olympiad, "3") == 0.0);
}

TEST_CASE("evaluate: bad input is one line and exit code 2") {
  Workplace const w;
  auto const data = w.write("set.jsonl", test_set());
  auto const both = line("a", "2") + line("b", "3");
  auto const refused = [&](std::string const& file, std::string const& completions, std::string const& words,
                           open_rs::Arguments const& more = {}) {
    open_rs::Arguments arguments{"--data", file, "--completions", w.write("c.jsonl", completions)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto const run = evaluate(arguments);
    INFO(run.error);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    CHECK(run.error.find(words) != std::string::npos);
    CHECK(std::count(run.error.begin(), run.error.end(), '\n') == 1);
  };
  refused(data, "{\"id\":\"a\",\"completoin\":\"x\"}\n", "did you mean 'completion'");
  refused(data, both + line("c", "1"), "no problem has the id 'c'");
  refused(data, line("a", "2"), "--allow-missing");
  refused(data, "{\"id\":\"a\"}\n", "has no completion");
  refused(data, both, "problem 'a' of " + data + " has 1 completion;", {"--k", "4"});
  refused(data, both, "leave 4 out, or with -n 4 --allow-missing", {"--k", "1,4"});
  refused(data, both, "there is no 'magic'", {"--verifier", "magic"});
  refused(w.write("bad1.jsonl", "{\"foo\":1}\n"), both, "its columns are: foo");
  refused(w.write("bad2.jsonl", "{\"problem\":\"?\"}\n"), both, "has no gold answers");
  refused(w.write("bad3.jsonl", "{\"problem\":\"?\",\"answer\":\" \"}\n"), both, "a gold answer that is not empty");
  refused(w.write("bad4.jsonl", test_set() + test_set()), both, "stands at");
  refused(data, line("b", "2"), "1 of 2 problems have no completion, the first is 'a'");
  refused(data, line("a", "2") + line("1", "3"), "the same kind in all lines");
  refused(data, both, "has no gold answer in the column \"truth\"", {"--gold-column", "truth"});
}

TEST_CASE("evaluate: completions may go by id, unique_id or line number") {
  Workplace const w;
  std::string rows, by_id, by_unique, by_number;
  for (int i = 0; i < 4; ++i) {
    auto const n = std::to_string(i), id = std::to_string(i + 1);
    rows += "{\"id\":" + id + ",\"unique_id\":\"set/" + n + "\",\"problem\":\"p\",\"answer\":" + n + "}\n";
    auto const answer = i < 3 ? n : "7";
    by_id += line(id, answer);
    by_unique += line("set/" + n, answer);
    by_number += "{\"id\":" + n + ",\"completion\":\"\\\\boxed{" + answer + "}\"}\n";
  }
  auto const data = w.write("set.jsonl", rows);
  auto const judged = [&](std::string const& completions) {
    auto const run = evaluate({"--data", data, "--completions", w.write("c.jsonl", completions), "--json"});
    INFO(run.error);
    REQUIRE(run.code == 0);
    CHECK(run.json()[data]["pass@1"] == 0.75);
    return run.error;
  };
  CHECK(judged(by_id).empty());
  CHECK(judged(by_unique).find("each id is taken for a unique_id") != std::string::npos);
  CHECK(judged(by_number).find("each id is taken for a line number") != std::string::npos);
}

TEST_CASE("evaluate: a column that is not that of the gold answers is refused") {
  Workplace const w;
  std::string rows, completions;
  for (int i = 0; i < 20; ++i) {
    auto const n = std::to_string(i);
    rows += R"({"problem":"p","level":")" + std::string(i % 2 == 0 ? "Easy" : "Hard") +
            R"(","url":"https://example.org/)" + n + R"(","hint":"Count all the red apples in basket )" + n +
            R"(.","day":")" + (i % 2 == 0 ? R"(\text{Friday})" : "Player A wins") + R"(","answer":)" + n + "}\n";
    completions += line(n, n);
  }
  auto const data = w.write("set.jsonl", rows), c = w.write("c.jsonl", completions);
  auto const run = [&](std::string const& column, std::string const& verifier = "lighteval") {
    return evaluate({"--data", data, "--completions", c, "--gold-column", column, "--verifier", verifier, "--json"});
  };
  for (auto const& [column, words] : {std::pair("level", "each of the 20 gold answers is 'Easy' or 'Hard'"),
                                      std::pair("url", "20 of the 20 gold answers are web addresses"),
                                      std::pair("hint", "20 of the 20 gold answers are sentences")}) {
    auto const refused = run(column);
    INFO(refused.error);
    CHECK(refused.code == 2);
    CHECK(refused.error.find(words) != std::string::npos);
    CHECK(refused.error.find("--gold-column") != std::string::npos);
    CHECK(std::count(refused.error.begin(), refused.error.end(), '\n') == 1);
  }
  CHECK(run("hint", "answer-tag").code == 0);
  CHECK(run("level", "answer-tag").code == 0);
  CHECK(run("day").code == 0);
  CHECK(run("answer").json()[data]["pass@1"] == 1.0);
}

TEST_CASE("evaluate: problems without completions are left out where that is asked for") {
  Workplace const w;
  auto const data = w.write("set.jsonl", test_set());
  auto const run =
      evaluate({"--data", data, "--completions", w.write("c.jsonl", line("b", "3")), "--json", "--allow-missing"});
  REQUIRE(run.code == 0);
  CHECK(run.json()[data]["problems"] == 1);
  CHECK(run.json()[data]["pass@1"] == 1.0);
  CHECK(run.error.find("1 problems without") != std::string::npos);
}

TEST_CASE("evaluate: a model's run goes on where it was, and says the same") {
  Workplace const w;
  auto const data = w.write("set.jsonl", test_set());
  auto const out = (w.folder.path / "run").string(), cut = (w.folder.path / "cut").string();
  open_rs::Arguments const common{"--data", data,        "--model", w.model(), "-n",  "3",        "--max-tokens", "8",
                                  "--json", "--threads", "1",       "--dtype", "f32", "--prompt", "problem"};
  auto const with_out = [&](std::string const& folder) {
    auto arguments = common;
    arguments.insert(arguments.end(), {"--out", folder});
    return evaluate(arguments);
  };
  auto const whole = with_out(out);
  INFO(whole.error);
  REQUIRE(whole.code == 0);
  CHECK(whole.json()[data]["length_unit"] == "tokens");
  // A killed process: two lines and half of a third.
  fs::create_directories(cut);
  fs::copy(fs::path(out) / "options.json", fs::path(cut) / "options.json");
  std::string const lines = grove::io::read_text_file((fs::path(out) / "set.rank0.jsonl").string());
  auto const second = lines.find('\n', lines.find('\n') + 1);
  std::ofstream(fs::path(cut) / "set.rank0.jsonl") << lines.substr(0, second + 20);
  auto const resumed = with_out(cut);
  INFO(resumed.error);
  REQUIRE(resumed.code == 0);
  CHECK(resumed.json() == whole.json());
  // Other options are not mixed into the same folder.
  auto arguments = common;
  arguments.insert(arguments.end(), {"--out", out, "--seed", "9"});
  auto const other = evaluate(arguments);
  CHECK(other.code == 2);
  CHECK(other.error.find("begun with seed 0") != std::string::npos);
  // Paired with itself.
  auto const same = evaluate({"--compare", out, cut, "--json"});
  REQUIRE(same.code == 0);
  CHECK(same.json()[data]["difference"] == 0.0);
  CHECK(same.json()[data]["p"] == 1.0);
  CHECK(same.json()[data]["equal"] == 2);
}

TEST_CASE("evaluate: one file's problems may have fewer completions than k asks for, but not all files'") {
  Workplace const w;
  auto const few = w.write("few.jsonl", test_set()), many = w.write("many.jsonl", test_set());
  auto const one = w.write("one.jsonl", line("a", "2") + line("b", "3"));
  auto const two = w.write("two.jsonl", line("a", "2") + line("a", "7") + line("b", "3") + line("b", "3"));
  auto const run = evaluate({"--data", few, many, "--completions", one, two, "--k", "1,2", "--json"});
  INFO(run.error);
  REQUIRE(run.code == 0);
  CHECK(run.json()[few]["pass@k"] == Json::parse(R"({"1":1.0})"));
  CHECK(run.json()[many]["pass@k"] == Json::parse(R"({"1":0.75,"2":1.0})"));
  CHECK(run.says("no pass@2: problem 'a' of " + few + " has 1 completion\n"));
  CHECK(evaluate({"--data", few, many, "--completions", one, two, "--k", "4"}).code == 2);
}

TEST_CASE("evaluate: the keys of a result are the same and of the same kinds whatever there is to judge") {
  Workplace const w;
  auto const problem = w.write("one.jsonl", R"({"problem":"?","answer":2})");
  auto const several = w.write("set.jsonl", test_set());
  std::string const answers = line("0", "2"), others = line("a", "2") + line("b", "3") + line("b", "4");
  for (auto const& [data, completions] : {std::pair(problem, answers), std::pair(several, others)}) {
    auto const run = evaluate({"--data", data, "--completions", w.write("c.jsonl", completions), "--json"});
    INFO(run.error);
    REQUIRE(run.code == 0);
    Json const r = run.json()[data];
    std::vector<std::string> keys;
    for (auto const& entry : r.items()) keys.push_back(entry.key());
    keys.resize(9);
    CHECK(keys == std::vector<std::string>{"problems", "n", "pass@1", "se", "ci95", "pass@k", "maj@n", "mean_length",
                                           "truncated"});
    CHECK(r["n"] == 1);
    for (auto const* key : {"pass@1", "maj@n", "mean_length"}) CHECK(r[key].is_number_float());
    CHECK(r["se"].is_null() == (r["problems"] == 1));
    CHECK(r["truncated"].is_null());
    REQUIRE(r["ci95"].size() == 2);
    CHECK(r["pass@k"]["1"] == r["pass@1"]);
  }
}

TEST_CASE("evaluate: files of one name in several folders keep apart") {
  Workplace const w;
  std::vector<std::string> data;
  for (auto const* folder : {"x", "y"}) {
    fs::create_directories(w.folder.path / folder);
    data.push_back(w.write(std::string(folder) + "/test.jsonl", test_set()));
  }
  CHECK(open_rs::short_names({data[0], data[1], "z.jsonl"}) == std::vector<std::string>{"x-test", "y-test", "z"});
  CHECK(open_rs::short_names({data[0]}) == std::vector<std::string>{"test"});
  auto const right = w.write("right.jsonl", line("a", "2") + line("b", "3"));
  auto const wrong = w.write("wrong.jsonl", line("a", "2") + line("b", "9"));
  auto const run = evaluate({"--data", data[0], data[1], "--completions", right, wrong, "--json"});
  INFO(run.error);
  REQUIRE(run.code == 0);
  CHECK(run.json()[data[0]]["pass@1"] == 1.0);
  CHECK(run.json()[data[1]]["pass@1"] == 0.5);
  CHECK(evaluate({"--data", data[0], w.write("x/../x/test.jsonl", test_set()), "--completions", right}).code == 2);
  // Sampled, and both compared with themselves.
  auto const out = (w.folder.path / "out").string();
  open_rs::Arguments const sampled{"--data", data[0],    data[1],   "--model",   w.model(), "--max-tokens",
                                   "4",      "--prompt", "problem", "--threads", "1",       "--out",
                                   out};
  REQUIRE(evaluate(sampled).code == 0);
  CHECK(fs::exists(fs::path(out) / "x-test.rank0.jsonl"));
  auto const same = evaluate({"--compare", out, out, "--json"});
  REQUIRE(same.code == 0);
  CHECK(same.json().size() == 2);
}

TEST_CASE("evaluate: a run goes on with the data that it was begun with alone") {
  Workplace const w;
  auto const data = w.write("set.jsonl", test_set());
  auto const out = (w.folder.path / "out").string();
  auto const run = [&](std::string const& file, std::string const& prompt = "problem") {
    return evaluate({"--data", file, "--model", w.model(), "--max-tokens", "4", "--prompt", prompt, "--threads", "1",
                     "--out", out, "--json"});
  };
  // Nothing is sampled before all prompts fit, and then nothing binds the folder.
  auto const long_prompt = run(data, std::string(5000, 'x') + "{problem}");
  CHECK(long_prompt.code == 2);
  CHECK(long_prompt.says("the model's context"));
  auto const first = run(data);
  INFO(first.error);
  REQUIRE(first.code == 0);
  // Another gold answer judges what is there anew.
  w.write("set.jsonl",
          "{\"id\":\"a\",\"problem\":\"1+1\",\"answer\":7}\n{\"id\":\"b\",\"problem\":\"1+2\",\"answer\":3}\n");
  CHECK(run(data).code == 0);
  // Another problem of the same id does not.
  w.write("set.jsonl",
          "{\"id\":\"a\",\"problem\":\"1+1\",\"answer\":2}\n{\"id\":\"b\",\"problem\":\"1+4\",\"answer\":3}\n");
  auto const changed = run(data);
  CHECK(changed.code == 2);
  CHECK(changed.says(data + ": problem 'b' is another than the one that"));
  CHECK(changed.says("choose another folder with --out"));
  CHECK(std::count(changed.error.begin(), changed.error.end(), '\n') == 1);
  w.write("set.jsonl", test_set());
  CHECK(run(data).json() == first.json());
}
