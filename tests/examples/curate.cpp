// SPDX-License-Identifier: Apache-2.0
// open_rs curate on a pool whose rows say which stage should drop them.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "grove/data/parquet.hpp"
#include "grove/data/rows.hpp"
#include "grove/io/json.hpp"
#include "grove/random.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/curate_stages.hpp"
#include "support/captured.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using grove::io::Json;

using Result = test::Captured;

Result curate(open_rs::Arguments const& arguments) {
  return test::captured("", [&] { return open_rs::guarded("open_rs", [&] { return open_rs::curate(arguments); }); });
}

/// 2,000 rows; row i belongs to the stage `label[i]`, or to none.
struct Pool {
  TemporaryFolder folder{"curate"};
  fs::path root = folder.path;
  std::vector<std::string> label{};
  open_rs::Arguments arguments{};

  Pool() {
    fs::create_directories(root);
    std::ofstream data(root / "data.jsonl"), right(root / "right.jsonl"), judge(root / "judge.jsonl");
    std::ofstream(root / "test.jsonl") << "{\"problem\":\"" << leaked() << "\",\"answer\":1}\n";
    char const* const stages[] = {"", "boxed", "trivial", "judge", "dedup", "decontaminate", "", ""};
    grove::RandomSequence random(grove::RandomStream({1, grove::Purpose::Data}));
    std::string kept;
    for (int i = 0; i < 2000; ++i) {
      std::string stage = stages[random.below(8)];
      if (stage == "dedup" && kept.empty()) stage = "";
      label.push_back(stage);
      std::string const number = std::to_string(i), id = "\"r" + number + "\"";
      std::string problem = "How many, of the " + number + " apples";
      if (stage == "dedup") problem = "  HOW MANY of the " + kept + " apples!";
      if (stage == "decontaminate") problem += " " + leaked();
      if (stage.empty()) kept = number;
      data << "{\"id\":" << id << ",\"problem\":\"" << problem << "\",\"answer\":" << number << ",\"solution\":\""
           << (stage == "boxed" ? number : "\\\\boxed{" + number + "}") << "\",\"source\":\"" << (i % 2 ? "a" : "b")
           << "\"}\n";
      // Known pass rates: 4 of 4 for what is trivial, 0 to 3 for the others.
      int const passes = stage == "trivial" ? 4 : i % 4;
      for (int k = 0; k < 4; ++k)
        right << "{\"id\":" << id << ",\"completion\":\"\\\\boxed{" << (k < passes ? number : "x") << "}\"}\n";
      judge << "{\"id\":" << id << ",\"completion\":\"Yes or no: " << (stage == "judge" ? "No." : "yes") << "\"}\n";
    }
    arguments = {"--data",
                 path("data.jsonl"),
                 "--completions",
                 path("right.jsonl"),
                 "--judge-completions",
                 path("judge.jsonl"),
                 "--against",
                 path("test.jsonl"),
                 "--set",
                 "mix.counts=a:100,b:50",
                 "--json"};
  }

  static std::string leaked() { return "a very long problem of the test set that nobody may train on"; }
  std::string path(std::string const& name) const { return (root / name).string(); }
  static std::vector<std::string> files() {
    std::vector<std::string> names{"data.jsonl", "funnel.json", "README.md"};
    if (grove::data::has_parquet()) names.emplace_back("data.parquet");
    return names;
  }
  Result run(std::string const& out, std::string const& stages, open_rs::Arguments const& more = {}) const {
    auto all = arguments;
    all.insert(all.end(), {"--stages", stages, "--out", path(out)});
    all.insert(all.end(), more.begin(), more.end());
    return curate(all);
  }
};

std::string const all_stages = "boxed,trivial,judge,dedup,decontaminate,mix";

}  // namespace

TEST_CASE("curate: each stage drops exactly the rows that are its own") {
  Pool const pool;
  auto const run = pool.run("out", all_stages);
  INFO(run.error);
  REQUIRE(run.code == 0);
  Json const funnel = Json::parse(run.out);
  REQUIRE(funnel.size() == 6);
  CHECK(funnel == grove::io::read_json_file(pool.path("out/funnel.json")));
  std::size_t in = 2000;
  for (auto const& entry : funnel) {
    CHECK(entry["in"] == in);
    in = entry["out"].get<std::size_t>();
    if (entry["stage"] == "mix") continue;
    std::set<std::string> wanted, dropped;
    for (std::size_t i = 0; i < pool.label.size(); ++i)
      if (pool.label[i] == entry["stage"]) wanted.insert("r" + std::to_string(i));
    for (auto const& id : entry["dropped_ids"]) dropped.insert(id.get<std::string>());
    INFO(entry["stage"]);
    CHECK(dropped == wanted);
  }
  CHECK(in == 150);
  std::string const rows = grove::io::read_text_file(pool.path("out/data.jsonl"));
  std::size_t a = 0;
  std::istringstream lines(rows);
  for (std::string line; std::getline(lines, line);) a += Json::parse(line)["source"] == "a" ? 1 : 0;
  CHECK(a == 100);
  std::string const card = grove::io::read_text_file(pool.path("out/README.md"));
  CHECK(card.find("| mix | ") != card.npos);
  CHECK(card.find("59,029") != card.npos);
}

TEST_CASE("curate: a run goes on behind the stages that are done, and gives the same") {
  Pool const pool;
  REQUIRE(pool.run("whole", all_stages).code == 0);
  for (auto const* last : {"1-boxed", "3-judge", "5-decontaminate"}) {
    fs::remove_all(pool.root / "cut");
    fs::create_directories(pool.root / "cut" / "stages");
    for (auto const& entry : fs::directory_iterator(pool.root / "whole" / "stages"))
      if (entry.path().stem().string() <= last)
        fs::copy(entry.path(), pool.root / "cut" / "stages" / entry.path().filename());
    REQUIRE(pool.run("cut", all_stages).code == 0);
    for (auto const& file : pool.files())
      CHECK(grove::io::read_text_file(pool.path("cut/" + file)) ==
            grove::io::read_text_file(pool.path("whole/" + file)));
  }
  // Another setting is another run of that stage and of all behind it.
  auto const looser = pool.run("whole", all_stages, {"--set", "trivial.drop_from=0.75"});
  REQUIRE(looser.code == 0);
  CHECK(Json::parse(looser.out)[1]["out"] < Json::parse(pool.run("cut", all_stages).out)[1]["out"]);
}

namespace {

/// Starts `run` in a process of its own, which is killed as soon as `begun` holds; says whether it was not yet `done`.
template <class Run, class Begun, class Done>
bool killed_between(Run const& run, Begun const& begun, Done const& done) {
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    static_cast<void>(run());
    _exit(0);
  }
  int status = 0;
  while (!begun() && waitpid(child, &status, WNOHANG) == 0) {
  }
  kill(child, SIGSTOP);
  bool const in_time = begun() && !done();
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return in_time;
}

}  // namespace

TEST_CASE("curate: killed within each stage and started again, a run gives the same files byte for byte") {
  Pool const pool;
  REQUIRE(pool.run("whole", all_stages).code == 0);
  std::vector<std::string> const steps{"stages",
                                       "stages/1-boxed.json",
                                       "stages/2-trivial.json",
                                       "stages/3-judge.json",
                                       "stages/4-dedup.json",
                                       "stages/5-decontaminate.json",
                                       "stages/6-mix.json",
                                       "README.md"};
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    INFO("between " << steps[i] << " and " << steps[i + 1]);
    // The stages take milliseconds: some attempts come too late.
    bool killed = false;
    for (int attempt = 0; attempt < 200 && !killed; ++attempt) {
      fs::remove_all(pool.root / "cut");
      killed = killed_between([&] { return pool.run("cut", all_stages); },
                              [&] { return fs::exists(pool.root / "cut" / steps[i]); },
                              [&] { return fs::exists(pool.root / "cut" / steps[i + 1]); });
    }
    REQUIRE(killed);
    REQUIRE(pool.run("cut", all_stages).code == 0);
    for (auto const& file : pool.files())
      CHECK(grove::io::read_text_file(pool.path("cut/" + file)) ==
            grove::io::read_text_file(pool.path("whole/" + file)));
  }
}

TEST_CASE("curate: the pool may be Parquet, and data.parquet has the rows of data.jsonl") {
  if (!grove::data::has_parquet()) return;
  Pool pool;
  std::vector<Json> rows;
  for (auto const& row : grove::data::read_rows(pool.path("data.jsonl"))) rows.push_back(row.json);
  REQUIRE(pool.run("lines", all_stages).code == 0);
  grove::data::write_parquet(pool.path("data.parquet"), rows);
  pool.arguments[1] = pool.path("data.parquet");
  auto const run = pool.run("parquet", all_stages);
  INFO(run.error);
  REQUIRE(run.code == 0);
  CHECK(grove::io::read_text_file(pool.path("parquet/data.parquet")) ==
        grove::io::read_text_file(pool.path("lines/data.parquet")));
  auto const left = grove::data::read_rows(pool.path("parquet/data.parquet"));
  auto const lines = grove::data::read_rows(pool.path("lines/data.jsonl"));
  REQUIRE(left.size() == 150);
  for (std::size_t i = 0; i < left.size(); ++i) CHECK(left[i].json == lines[i].json);
}

TEST_CASE("curate: a bad line of any input is named, with exit code 2") {
  Pool const pool;
  auto const file = [&](std::string const& name, std::string const& text) {
    std::ofstream(pool.root / name) << text;
    return pool.path(name);
  };
  auto const refused = [&](open_rs::Arguments const& more, std::string const& words) {
    open_rs::Arguments all{"--out", pool.path("x")};
    all.insert(all.end(), more.begin(), more.end());
    auto const run = curate(all);
    INFO(run.error);
    CHECK(run.code == 2);
    CHECK(run.says(words));
    CHECK(std::ranges::count(run.error, '\n') == 1);
  };
  std::string const good = "{\"id\":1,\"problem\":\"p\",\"solution\":\"\\\\boxed{1}\"}\n";
  refused({"--data", file("a.jsonl", good + "{\"problem\":\n"), "--stages", "boxed"}, "a.jsonl:2");
  refused({"--data", file("b.jsonl", good + "text\n"), "--stages", "boxed"}, "b.jsonl:2: is no JSON object");
  refused({"--data", file("c.jsonl", good + good), "--stages", "boxed"}, "c.jsonl:2");
  refused({"--data", file("d.jsonl", "{\"text\":\"p\"}\n"), "--stages", "dedup"}, "d.jsonl:1: has no problem");
  refused({"--data", file("e.jsonl", ""), "--stages", "boxed"}, "e.jsonl: holds no problems");
  refused({"--data", pool.path("none.jsonl"), "--stages", "boxed"}, "cannot be opened");
  auto const data = file("good.jsonl", good);
  refused({"--data", data, "--stages", "trivial", "--completions", file("f.jsonl", "{\"id\":2,\"completion\":\"\"}\n")},
          "no row of the data has the id '2'");
  refused({"--data", data, "--stages", "trivial", "--completions", file("g.jsonl", "{\"id\":1}\n")}, "g.jsonl:1");
  refused({"--data", data, "--stages", "judge", "--judge-completions", file("h.jsonl", "{\"completion\":\"\"}\n")},
          "h.jsonl:1: has no id");
  refused({"--data", data, "--stages", "decontaminate", "--against", file("i.jsonl", "[1]\n")}, "i.jsonl:1");
}

TEST_CASE("curate: bad input is one line and exit code 2") {
  Pool const pool;
  auto const refused = [](Result const& run, std::string const& words) {
    INFO(run.error);
    CHECK(run.code == 2);
    CHECK(run.error.find(words) != std::string::npos);
  };
  refused(pool.run("x", "boxd"), "did you mean 'boxed'");
  refused(pool.run("x", "boxed", {"--set", "trivial.drop=1"}), "did you mean 'trivial.drop_from'");
  refused(pool.run("x", "mix", {"--set", "mix.counts=a:5000"}), "has 1000 rows");
  refused(pool.run("x", "mix", {"--set", "mix.counts=a"}), "VALUE:COUNT");
  refused(curate({"--data", pool.path("data.jsonl"), "--out", pool.path("x"), "--stages", "judge"}),
          "--judge-completions");
  refused(curate({"--out", pool.path("x")}), "no --data");
  refused(pool.run("x", "boxed", {"--set", "boxed.column=worked"}), "no row has a column 'worked'");
  refused(pool.run("x", "dedup", {"--set", "data.problem=text"}), "has no problem; expected text");
  refused(pool.run("x", "trivial", {"--set", "data.gold=truth"}), "has no gold answer; expected truth");
  refused(pool.run("x", "judge", {"--set", "judge.keep_on=maybe"}), "yes or no");
  refused(pool.run("x", "decontaminate", {"--set", "decontaminate.n=0"}), "at least 1");
  refused(pool.run("x", "trivial", {"--set", "trivial.drop_from=nan"}), "a number");
  refused(pool.run("x", "mix", {"--set", "mix.counts=a:1,a:2"}), "names 'a' twice");
  refused(pool.run("x", ""), "names no stage");
  refused(pool.run("data.jsonl/x", "boxed"), "data.jsonl/x/stages: cannot be read or written: Not a directory\n");
  auto const none = pool.run("none", "boxed", {"--set", "boxed.column=answer"});
  CHECK(none.code == 0);
  CHECK(none.says("boxed left no row\n"));
}

TEST_CASE("curate: problems that differ in their mathematics are no duplicates") {
  auto const key = [](std::string const& text) { return open_rs::dedup_key(text); };
  for (auto const& [a, b] :
       {std::pair("Solve $x+1=5$.", "Solve $x-1=5$."), std::pair("Find 1.5", "Find 15"),
        std::pair("Find 1,5", "Find 15"), std::pair("Find $5!$", "Find $5$"), std::pair("Find n!", "Find n"),
        std::pair("Is 2<3?", "Is 2>3?"), std::pair("Find 1 2", "Find 12"), std::pair("$a^2$", "$a_2$")}) {
    INFO(a);
    CHECK(key(a) != key(b));
  }
  std::string const text = "How many apples, of 12, have $x + 1 = 5$?";
  for (auto const* same : {"How many apples, of 12, have $x + 1 = 5$", "HOW MANY apples of 12 have  $x+1=5$:",
                           "\thow many\napples of 12 have x +1= 5.", "'How many apples of 12 have $$x+1=5$$?'"}) {
    INFO(same);
    CHECK(key(same) == key(text));
  }
  CHECK(key("How many apples!") == key("how many, apples?"));
  CHECK(key("") == "");
}

TEST_CASE("curate: rows are mixed by several columns and by file, and keep ids that no two share") {
  TemporaryFolder const folder("curate-mix");
  fs::create_directories(folder.path);
  for (std::string const name : {"first", "second"}) {
    std::ofstream data(folder.path / (name + ".jsonl"));
    for (int i = 0; i < 40; ++i)
      data << "{\"id\":" << i << ",\"question_text\":\"" << name << " " << i << "\",\"source\":\""
           << (i % 2 ? "a" : "b") << "\",\"level\":\"" << (i % 4 < 2 ? "Easy" : "Hard") << "\"}\n";
  }
  auto const run = [&](std::string const& column, std::string const& counts) {
    auto const result =
        curate({"--data", (folder.path / "first.jsonl").string(), (folder.path / "second.jsonl").string(), "--stages",
                "dedup,mix", "--set", "data.problem=question_text", "--set", "mix.column=" + column, "--set",
                "mix.counts=" + counts, "--out", (folder.path / "out").string()});
    INFO(result.error);
    REQUIRE(result.code == 0);
    return grove::data::read_rows(folder.path / "out" / "data.jsonl");
  };
  std::map<std::string, int> kinds;
  for (auto const& row : run("source,level", "a/Easy:7,b/Hard:3"))
    ++kinds[row.json["source"].get<std::string>() + row.json["level"].get<std::string>()];
  CHECK(kinds == std::map<std::string, int>{{"aEasy", 7}, {"bHard", 3}});
  kinds.clear();
  std::set<std::string> ids;
  for (auto const& row : run("file", "first:40,second:40")) {
    ++kinds[row.json["question_text"].get<std::string>().substr(0, 5)];
    ids.insert(row.json["id"].is_string() ? row.json["id"].get<std::string>() : row.json["id"].dump());
  }
  CHECK(kinds == std::map<std::string, int>{{"first", 40}, {"secon", 40}});
  CHECK(ids.size() == 80);
  CHECK(ids.contains("second/7"));
  CHECK(grove::io::read_text_file((folder.path / "out" / "README.md").string()).find("data.problem = question_text") !=
        std::string::npos);
}

TEST_CASE("curate: ids are written as the data have them") {
  TemporaryFolder const folder("curate-ids");
  fs::create_directories(folder.path / "easy");
  auto const write = [&](std::string const& name, std::string const& text) {
    std::ofstream(folder.path / name) << text;
    return (folder.path / name).string();
  };
  std::string rows, plain;
  for (int i = 0; i < 6; ++i) {
    std::string const row = R"("problem":"p)" + std::to_string(i / 2) + R"(","solution":"\\boxed{1}")";
    rows += "{\"id\":" + std::to_string(10 + i) + "," + row + "}\n";
    plain += "{" + row + "}\n";
  }
  auto const run = [&](std::string const& file, std::vector<std::string> const& more = {}) {
    open_rs::Arguments all{"--data", file, "--out", (folder.path / "out").string(), "--json"};
    all.insert(all.end(), more.begin(), more.end());
    auto const result = curate(all);
    INFO(result.error);
    REQUIRE(result.code == 0);
    return result.json();
  };
  CHECK(run(write("ids.jsonl", rows))[1]["dropped_ids"] == Json::parse("[11,13,15]"));
  CHECK(grove::data::read_rows(folder.path / "out" / "data.jsonl")[1].json["id"] == 12);
  CHECK(run(write("plain.jsonl", plain))[1]["dropped_ids"] == Json::parse("[1,3,5]"));
  CHECK(grove::data::read_rows(folder.path / "out" / "data.jsonl")[1].json["id"] == 2);
  // A folder's name may end with a slash.
  write("easy/rows.jsonl", rows);
  auto const mixed = run((folder.path / "easy" / "").string(),
                         {"--stages", "mix", "--set", "mix.column=file", "--set", "mix.counts=easy:2"});
  CHECK(mixed[0]["out"] == 2);
}
