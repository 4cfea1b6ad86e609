// SPDX-License-Identifier: Apache-2.0
#include "grove/data/parquet.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "grove/data/evaluation_set.hpp"
#include "grove/data/problems.hpp"
#include "grove/data/rows.hpp"
#include "grove/error.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using grove::io::Json;

struct Folder {
  TemporaryFolder folder{"parquet"};
  Folder() { fs::create_directories(folder.path); }

  fs::path write(std::string const& name, std::string const& text) const {
    fs::create_directories((folder.path / name).parent_path());
    std::ofstream(folder.path / name, std::ios::binary) << text;
    return folder.path / name;
  }
  fs::path table(std::string const& name, std::vector<Json> const& rows) const {
    fs::create_directories((folder.path / name).parent_path());
    grove::data::write_parquet(folder.path / name, rows);
    return folder.path / name;
  }
};

std::vector<Json> read(fs::path const& file) {
  std::vector<Json> rows;
  grove::data::read_parquet(file, [&](std::size_t number, Json&& row) {
    REQUIRE(number == rows.size());
    rows.push_back(std::move(row));
  });
  return rows;
}

std::string message(fs::path const& path) {
  try {
    grove::data::read_rows(path);
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

std::vector<Json> problems() {
  return {Json::parse(R"({"id":7,"problem":"1+1","answer":"2","level":"Easy","score":0.5,"ok":true,"tags":["a","b"],
            "messages":[{"role":"user","content":"1+1 \u00e9"},{"role":"user","content":"now"}],"meta":{"source":"x","page":3}})"),
          Json::parse(R"({"id":8,"problem":"2+2","answer":"4","level":null,"score":2.25,"ok":false,"tags":[],
            "messages":[{"role":"user","content":"2+2"}],"meta":{"source":"y","page":null}})")};
}

}  // namespace

TEST_CASE("parquet: a build without Arrow says what to do") {
  if (grove::data::has_parquet()) return;
  CHECK(message("x.parquet").find("Parquet is not in this build") != std::string::npos);
}

TEST_CASE("parquet: what is written is read, columns in their order") {
  if (!grove::data::has_parquet()) return;
  Folder const f;
  auto const rows = problems();
  auto const file = f.table("data.parquet", rows);
  CHECK(read(file) == rows);
  CHECK(read(file)[0].dump() == rows[0].dump());
  // Once more gives the same bytes.
  auto const again = f.table("again.parquet", rows);
  CHECK(grove::io::read_text_file(file.string()) == grove::io::read_text_file(again.string()));
}

TEST_CASE("parquet: types are those of all rows") {
  if (!grove::data::has_parquet()) return;
  Folder const f;
  auto const file = f.table("data.parquet", {Json::parse(R"({"a":1,"b":1,"c":null,"d":{},"e":[1,"x"]})"),
                                             Json::parse(R"({"a":1.5,"b":"x","f":18446744073709551615})")});
  auto const rows = read(file);
  CHECK(rows[0] == Json::parse(R"({"a":1.0,"b":"1","c":null,"d":"{}","e":["1","x"],"f":null})"));
  CHECK(rows[1] == Json::parse(R"({"a":1.5,"b":"x","c":null,"d":null,"e":null,"f":"18446744073709551615"})"));
}

TEST_CASE("parquet: many rows come in their order") {
  if (!grove::data::has_parquet()) return;
  Folder const f;
  std::vector<Json> rows;
  for (int i = 0; i < 25'000; ++i) rows.push_back({{"problem", std::to_string(i)}, {"answer", i}});
  CHECK(read(f.table("data.parquet", rows)) == rows);
}

TEST_CASE("parquet: problems and test sets are read from it as from JSON lines") {
  if (!grove::data::has_parquet()) return;
  Folder const f;
  auto const rows = problems();
  std::string lines;
  for (auto const& row : rows) lines += row.dump() + "\n";
  auto const text = f.write("data.jsonl", lines);
  auto const file = f.table("data.parquet", rows);
  auto const a = grove::data::load_problems(text.string()), b = grove::data::load_problems(file.string());
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].prompt == b[i].prompt);
    CHECK(a[i].gold == b[i].gold);
    CHECK(a[i].columns == b[i].columns);
  }
  auto const own = grove::data::load_problems(file.string(), {.problem = "messages", .gold = "answer"});
  CHECK(own[0].messages.size() == 2);
  auto const set = grove::data::load_evaluation_set(file);
  CHECK(set.problems[1].gold == "4");
  CHECK(set.form == grove::data::GoldForm::Expression);
}

TEST_CASE("parquet: folders as the hub leaves them") {
  if (!grove::data::has_parquet()) return;
  Folder const f;
  auto const row = [](int i) { return std::vector{Json{{"problem", "p"}, {"answer", i}}}; };
  f.table("hub/data/train-00001-of-00003.parquet", row(1));
  f.table("hub/data/train-00000-of-00003.parquet", row(0));
  CHECK(message(f.folder.path / "hub").find("holds 2 of the 3 shards of train") != std::string::npos);
  f.table("hub/data/train-00002-of-00003.parquet", row(2));
  f.write("hub/README.md", "no data");
  auto const rows = grove::data::read_rows(f.folder.path / "hub");
  REQUIRE(rows.size() == 3);
  for (int i = 0; i < 3; ++i) CHECK(rows[static_cast<std::size_t>(i)].json["answer"] == i);
  CHECK(rows[1].where == (f.folder.path / "hub/data/train-00001-of-00003.parquet:row 0").string());

  f.table("hub/data/test-00000-of-00001.parquet", row(9));
  f.write("hub/data/dataset_infos.json", "{}");
  CHECK(message(f.folder.path / "hub").find("holds several splits: test, train") != std::string::npos);
  CHECK(grove::data::read_rows(f.folder.path / "hub/data/train").size() == 3);
  CHECK(grove::data::read_rows(f.folder.path / "hub/data/test")[0].json["answer"] == 9);
  CHECK(message(f.folder.path / "hub/data/valid").find("cannot be opened") != std::string::npos);
}

TEST_CASE("parquet: a file cut off anywhere, or with a byte changed, is read or refused in one line") {
  if (!grove::data::has_parquet()) return;
  Folder const f;
  auto const rows = problems();
  std::string const whole = grove::io::read_text_file(f.table("data.parquet", rows).string());
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    INFO(size);
    auto const what = message(f.write("cut.parquet", whole.substr(0, size)));
    CHECK(what.find("cut.parquet: cannot be read as Parquet") != std::string::npos);
    CHECK(what.find('\n') == std::string::npos);
  }
  grove::RandomSequence random(grove::RandomStream({3, grove::Purpose::Data}));
  std::size_t refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = whole;
    auto const at = random.below(static_cast<std::uint32_t>(bytes.size()));
    bytes[at] = static_cast<char>(bytes[at] ^ (1 + random.below(255)));
    auto const what = message(f.write("bad.parquet", bytes));
    refused += what.empty() ? 0 : 1;
    CHECK(what.find('\n') == std::string::npos);
  }
  CHECK(refused > 1000);  // the checksums of pages see what changes values
  CHECK(message(f.write("lfs.parquet", "version https://git-lfs.github.com/spec/v1\n")).find("git lfs pull") !=
        std::string::npos);
  CHECK(message(f.folder.path / "none.parquet").find("none.parquet") != std::string::npos);
}
