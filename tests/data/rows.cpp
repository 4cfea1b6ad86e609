// SPDX-License-Identifier: Apache-2.0
#include "grove/data/rows.hpp"

#include <filesystem>
#include <fstream>

#include "grove/data/evaluation_set.hpp"
#include "grove/data/gold_column.hpp"
#include "grove/data/problems.hpp"
#include "grove/error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using grove::data::for_each_row;
using grove::data::read_rows;

struct Folder {
  TemporaryFolder folder{"rows"};
  Folder() { fs::create_directories(folder.path / "shards"); }

  std::string write(std::string const& name, std::string const& text) const {
    std::ofstream(folder.path / name, std::ios::binary) << text;
    return (folder.path / name).string();
  }
};

std::string message(std::string const& path) {
  try {
    read_rows(path);
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("rows: JSON lines, an array and shards hold the same") {
  Folder const f;
  auto const lines = read_rows(f.write("a.jsonl", "\xef\xbb\xbf{\"a\":1}\r\n\n{\"a\":2}"));
  auto const array = read_rows(f.write("a.json", " [{\"a\":1},\n{\"a\":2}]"));
  auto const renamed = read_rows(f.write("b.json", "{\"a\":1}\n{\"a\":2}\n"));
  f.write("shards/train-00001-of-00002.jsonl", "{\"a\":2}\n");
  f.write("shards/train-00000-of-00002.json", "[{\"a\":1}]");
  f.write("shards/README.md", "no data");
  auto const shards = read_rows(f.folder.path / "shards");
  for (auto const& rows : {lines, array, renamed, shards}) {
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].json["a"] == 1);
    CHECK(rows[1].json["a"] == 2);
  }
  CHECK(lines[1].where == (f.folder.path / "a.jsonl:3").string());
  CHECK(array[1].where == (f.folder.path / "a.json:row 1").string());
}

TEST_CASE("rows: what is no data set says so") {
  Folder const f;
  CHECK(message(f.write("a.jsonl", "\n")).find("holds no problems") != std::string::npos);
  CHECK(message(f.write("a.jsonl", "text\n")).find("a.jsonl:1: is no JSON object") != std::string::npos);
  CHECK(message(f.write("a.json", "[1]")).find("a.json:row 0: is 1") != std::string::npos);
  CHECK(message(f.write("a.json", "[{\"a\":1}")).find("a.json:1:9: the array has no end") != std::string::npos);
  CHECK(message(f.write("a.json", "{\n\"rows\":[]}")).find("expected an array of objects") != std::string::npos);
  CHECK(message((f.folder.path / "shards").string()).find("holds no data files") != std::string::npos);
  CHECK(message((f.folder.path / "none.jsonl").string()).find("cannot be opened") != std::string::npos);
}

TEST_CASE("rows: a split goes by its name, also in the folder data of the hub's tool") {
  Folder const f;
  fs::create_directories(f.folder.path / "hub" / "data");
  f.write("hub/data/train-00000-of-00002.jsonl", "{\"a\":1}\n");
  f.write("hub/data/train-00001-of-00002.jsonl", "{\"a\":2}\n");
  f.write("hub/data/test-00000-of-00001.jsonl", "{\"a\":3}\n");
  fs::path const hub = f.folder.path / "hub";
  CHECK(message(hub.string()).find("name it: " + (hub / "train").string()) != std::string::npos);
  for (auto const& train : {hub / "train", hub / "data" / "train"}) {
    auto const rows = read_rows(train);
    REQUIRE(rows.size() == 2);
    CHECK(rows[1].json["a"] == 2);
  }
  CHECK(read_rows(hub / "test").size() == 1);
  CHECK(message((hub / "validation").string()).find("cannot be opened") != std::string::npos);
}

TEST_CASE("rows: a data set is called by its file or folder") {
  for (auto const* path : {"a/aime24.jsonl", "aime24", "a/aime24/", "./aime24/", "a/../aime24.json"}) {
    INFO(path);
    CHECK(grove::data::data_name(path) == "aime24");
  }
}

TEST_CASE("rows: problems are read from arrays and shards as well") {
  Folder const f;
  auto const problems = grove::data::load_problems(f.write("p.json", R"([{"problem":"1+1","answer":2}])"));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].gold == "2");
}

TEST_CASE("rows: the nearest word has the fewest changes") {
  CHECK(grove::data::nearest("betta", {"alpha", "beta", "theta"}) == "beta");
  CHECK(grove::data::nearest("completoin", {"id", "completion", "text"}) == "completion");
}

TEST_CASE("evaluation_set: ids are the data's or line numbers, golds in their form") {
  Folder const f;
  auto const set = grove::data::load_evaluation_set(
      f.write("m.jsonl",
              "{\"problem\":\"p\",\"solution\":\"so "
              "\\\\boxed{\\\\frac12}\",\"answer\":\"\\\\frac12\",\"unique_id\":\"t/1\"}\n"));
  CHECK(set.problems[0].id == "t/1");
  CHECK(set.gold_column == "solution");
  CHECK(set.form == grove::data::GoldForm::Latex);
  CHECK(set.problems[0].gold_answer == "\\frac12");
  auto const plain = grove::data::load_evaluation_set(
      f.write("p.jsonl", "{\"question\":\"p\",\"answer\":\"x^2\"}\n{\"question\":\"q\",\"answer\":\"7\"}\n"));
  CHECK(plain.problems[1].id == "1");
  CHECK(plain.problems[0].gold == "$x^2$");
  auto const own = grove::data::load_evaluation_set(f.write("o.jsonl", "{\"a\":\"p\",\"b\":4}\n"), {"a", "b"});
  CHECK(own.problems[0].gold == "4");
  CHECK(own.form == grove::data::GoldForm::Expression);
}

TEST_CASE("gold_column: labels, addresses and sentences are no gold answers") {
  auto const twenty = [](auto const& make) {
    std::vector<std::string> golds;
    for (int i = 0; i < 20; ++i) golds.push_back(make(i));
    return golds;
  };
  auto const why = [](std::vector<std::string> const& golds) {
    return grove::data::why_no_mathematics(golds).value_or("");
  };
  auto const labels = twenty([](int i) { return std::string(i % 2 == 0 ? "Easy" : "cn_k12-x"); });
  CHECK(why(labels).empty());  // a label has no digits
  auto const levels = twenty([](int i) { return std::string(i % 2 == 0 ? "Easy" : "Hard"); });
  CHECK(why(levels) == "each of the 20 gold answers is 'Easy' or 'Hard'");
  CHECK(grove::data::why_labels(levels) == why(levels));
  CHECK(why(twenty([](int i) { return std::string(i % 2 == 0 ? "True" : "False"); })).empty());
  CHECK(why({levels.begin(), levels.begin() + 19}).empty());  // too few to say
  CHECK(why(twenty([](int i) { return std::string(i % 2 == 0 ? "Yes" : "No"); })).empty());
  CHECK(why(twenty([](int i) { return "https://example.org/" + std::to_string(i); })).find("web addresses, such as") !=
        std::string::npos);
  auto const prose = [](int i) { return "We count all the apples in basket " + std::to_string(i); };
  CHECK(why(twenty(prose)).find("20 of the 20 gold answers are sentences") == 0);
  CHECK_FALSE(grove::data::why_labels(twenty(prose)).has_value());
  CHECK(why(twenty([&](int i) { return i % 2 == 0 ? prose(i) : std::to_string(i); })).empty());  // half of them
  CHECK(why(twenty([](int i) { return "so the answer of it all is $" + std::to_string(i) + "$"; })).empty());
  CHECK(why(twenty([](int i) { return "he has five in the end\n#### " + std::to_string(i); })).empty());
  CHECK(why({}).empty());
}

TEST_CASE("rows: one is handed over before the next is read") {
  Folder const f;
  auto const lines = f.write("bad.jsonl", "{\"a\":1}\n\n{\"a\":2}\nno JSON\n");
  std::vector<int> seen;
  auto const take = [&](grove::data::Row const& row) { seen.push_back(row.json["a"].get<int>()); };
  CHECK_THROWS_AS(for_each_row(lines, take), grove::Error);
  CHECK(seen == std::vector{1, 2});
  seen.clear();
  CHECK_THROWS_AS(for_each_row(lines,
                               [&](grove::data::Row const& row) {
                                 take(row);
                                 throw grove::Error(row.where, "enough");
                               }),
                  grove::Error);
  CHECK(seen == std::vector{1});
}
