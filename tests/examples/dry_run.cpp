// SPDX-License-Identifier: Apache-2.0
// open_rs train --dry-run at true shapes, without weights.
#include "open_rs/dry_run.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "grove/data/torch_order.hpp"
#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace {

grove::io::Json dry(open_rs::TrainFlags& flags) {
  flags.json = true;
  flags.model.dtype = "f32";
  flags.model.device = "cpu";
  std::ostringstream out;
  open_rs::dry_run(flags, open_rs::resolve(flags.sources), {}, out);
  return grove::io::Json::parse(out.str());
}
grove::io::Json dry(open_rs::TrainFlags&& flags) { return dry(flags); }

}  // namespace

TEST_CASE("dry run: experiment 3 as it ran, in under ten seconds") {
  auto const start = std::chrono::steady_clock::now();
  auto const found = dry({.sources = {.name = "exp3_as_run"}});
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK(found["steps"] == 500);
  CHECK(found["completions_per_step"] == 72);
  CHECK(found["tokens"]["run_at_most"] == 500 * 72 * 3584);
  CHECK(found["schedule"].size() == 500);
  CHECK(found["schedule"][0] == 0.0);
  CHECK(found["schedule"][50].get<double>() == Approx(1e-6));
  CHECK(found["schedule"][499].get<double>() == Approx(1.0001e-7).epsilon(5e-5));
  CHECK(found["plan"]["hours_range"][0].get<double>() < 24);
  CHECK(found["plan"]["hours_range"][1].get<double>() > 24);
  REQUIRE(found["order"].size() == 500);
  grove::data::TorchOrder torch(7000, 42, 12);
  std::set<std::size_t> rows;
  for (std::size_t step = 0; step < 500; ++step)
    for (std::size_t p = 0; p < 12; ++p) {
      auto const row = found["order"][step][p].get<std::size_t>();
      CHECK(row == torch(step * 12 + p));
      rows.insert(row);
    }
  CHECK(rows.size() == 6000);
}

TEST_CASE("dry run: with data and a tokenizer it measures the prompts and leaves out those that are too long") {
  TemporaryFolder const folder("dry-run");
  std::filesystem::create_directories(folder.path);
  auto const data = folder.path / "problems.jsonl";
  std::ofstream out(data);
  for (int i = 0; i < 20; ++i)
    out << R"({"problem": ")" << (i == 3 ? std::string(80, '1') : "1+1=") << R"(", "answer": "2"})" << '\n';
  out.close();
  open_rs::TrainFlags flags{.sources = {.name = "exp3_tiny"}, .data = data};
  CHECK(dry(flags)["rows"] == 20);
  flags.model.folder = std::string(GROVE_TEST_DATA) + "/../../examples/arithmetic/model";
  auto const found = dry(flags);
  CHECK(found["tokens"]["prompt_longest"] == 82);
  CHECK(found["tokens"]["prompts_over_limit"] == 1);
  for (auto const& step : found["order"])
    for (auto const& row : step) CHECK(row != 3);
}

TEST_CASE("dry run: without rows there is no order, and fewer rows than a step are refused") {
  CHECK(dry({.sources = {.name = "exp3_tiny"}})["order"].empty());
  REQUIRE_THROWS_AS(dry({.sources = {.name = "exp3", .settings = {"data.rows=11"}}}), grove::Error);
}
