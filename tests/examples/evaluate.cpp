// SPDX-License-Identifier: Apache-2.0
// open_rs evaluate on completions and on a tiny random model, called as a function.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "grove/io/json.hpp"
#include "grove/rollout/run_folder.hpp"
#include "open_rs/commands.hpp"
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
  refused(data, both, "more than the 1 completions", {"--k", "4"});
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
