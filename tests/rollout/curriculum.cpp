// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/curriculum.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "grove/rollout/problem_source.hpp"
#include "support/catch.hpp"

namespace {

std::vector<grove::Problem> problems(std::size_t easy, std::size_t hard) {
  std::vector<grove::Problem> all;
  for (std::size_t i = 0; i < easy + hard; ++i)
    all.push_back({.id = i, .prompt = "p", .gold = "", .columns = {{"level", i < easy ? "Easy" : "Hard"}}});
  return all;
}

grove::LevelMix mix(double easy, double hard) { return {.points = {{.share = {{"Easy", easy}, {"Hard", hard}}}}}; }

/// How often each level comes in draws of the steps [begin, end).
std::map<std::string, double> shares(grove::Curriculum const& source, std::uint64_t begin, std::uint64_t end) {
  std::map<std::string, double> counts;
  for (std::uint64_t draw = begin; draw < end; ++draw)
    counts[std::string(*source(draw).column("level"))] += 1.0 / static_cast<double>(end - begin);
  return counts;
}

std::string message(std::vector<grove::Problem> const& all, grove::CurriculumOptions const& options) {
  try {
    grove::Curriculum const source(all, options);
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("curriculum: levels come in their shares, whatever their sizes") {
  grove::Curriculum const source(problems(90, 10), {.column = "level", .mix = mix(1, 3), .seed = 5});
  auto const got = shares(source, 0, 20'000);
  CHECK(got.at("Easy") == Approx(0.25).margin(0.015));
  CHECK(got.at("Hard") == Approx(0.75).margin(0.015));
  // A draw depends on its index alone.
  for (std::uint64_t draw : {7U, 3U, 7U}) CHECK(source(draw).id == grove::Curriculum(source)(draw).id);
}

TEST_CASE("curriculum: shares move with the step along straight lines") {
  grove::LevelMix const line{
      .points = {{.step = 10, .share = {{"Easy", 1}, {"Hard", 0}}}, {.step = 30, .share = {{"Easy", 0}, {"Hard", 2}}}}};
  CHECK(line.share("Easy", 0) == 1);
  CHECK(line.share("Easy", 15) == 0.75);
  CHECK(line.share("Hard", 15) == 0.5);
  CHECK(line.share("Hard", 99) == 2);
  grove::Curriculum const source(problems(5, 5), {.column = "level", .mix = line, .problems = 1000});
  CHECK(shares(source, 0, 10'000).at("Easy") == Approx(1));
  CHECK(shares(source, 20'000, 21'000).at("Easy") == Approx(1.0 / 3).margin(0.05));
  CHECK(shares(source, 40'000, 50'000).at("Hard") == Approx(1));
}

TEST_CASE("curriculum: problems that are always or never solved come seldom") {
  grove::Curriculum source(problems(4, 0), {.by_pass_rate = true, .floor = 0.1, .memory = 0.5});
  // The draws that hit each problem first say how it went: 0 never, 1 always, 2 half, 3 is not drawn.
  std::map<std::uint64_t, std::uint64_t> draw_of;
  for (std::uint64_t draw = 0; draw_of.size() < 4; ++draw) draw_of.emplace(source(draw).id, draw);
  double const none = std::numeric_limits<double>::quiet_NaN();
  source.learn(draw_of[3], std::array{none});
  std::map<std::uint64_t, double> const truth{{0, 0.0}, {1, 1.0}, {2, 0.5}};
  // Told at once, as one step's.
  std::uint64_t last = 0;
  for (auto const& [id, rate] : truth) last = std::max(last, draw_of[id]);
  std::vector<double> step(last + 1, none);
  for (auto const& [id, rate] : truth) step[draw_of[id]] = rate;
  source.learn(0, step);
  CHECK(source.pass_rate(0) == 0);
  CHECK(source.pass_rate(1) == 1);
  CHECK(source.pass_rate(2) == 0.5);
  CHECK(source.pass_rate(3) == -1);
  std::array<double, 4> counts{};
  for (std::uint64_t draw = 1000; draw < 41'000; ++draw) counts[source(draw).id] += 1.0 / 40'000;
  double const sum = 0.1 + 0.1 + 1 + 1;
  CHECK(counts[0] == Approx(0.1 / sum).margin(0.005));
  CHECK(counts[1] == Approx(0.1 / sum).margin(0.005));
  CHECK(counts[2] == Approx(1 / sum).margin(0.01));
  CHECK(counts[3] == Approx(1 / sum).margin(0.01));
}

TEST_CASE("curriculum: its state is that of a checkpoint") {
  auto const options = grove::CurriculumOptions{.by_pass_rate = true, .seed = 3};
  grove::ProblemSource const source{grove::Curriculum(problems(6, 0), options)};
  CHECK(source.learns());
  source.learn(0, std::array{0.25, 1.0, 0.0});
  grove::State saved;
  source.state(saved);
  grove::ProblemSource const other{grove::Curriculum(problems(6, 0), options)};
  grove::State loaded(saved.entries(), "test", nullptr);
  other.state(loaded);
  for (std::uint64_t draw = 0; draw < 200; ++draw) CHECK(source(draw).id == other(draw).id);
  grove::ProblemSource const smaller{grove::Curriculum(problems(5, 0), options)};
  grove::State again(saved.entries(), "test", nullptr);
  REQUIRE_THROWS_AS(smaller.state(again), grove::Error);
  // A function has neither.
  grove::ProblemSource const plain{[](std::uint64_t draw) { return grove::Problem{.id = draw, .gold = ""}; }};
  CHECK_FALSE(plain.learns());
  CHECK(plain(3).id == 3);
}

TEST_CASE("curriculum: what makes no sense is refused") {
  auto const all = problems(2, 2);
  CHECK(message({}, {}).find("no problem") != std::string::npos);
  CHECK(message(all, {.column = "grade", .mix = mix(1, 1)}).find("has no column grade") != std::string::npos);
  CHECK(message(all, {.column = "level", .mix = {.points = {{.share = {{"Easy", 1}}}}}})
            .find("level Hard has no share; expected a share of each of: Easy, Hard") != std::string::npos);
  CHECK(message(all, {.column = "level", .mix = mix(0, 0)}).find("all shares of step 0 are 0") != std::string::npos);
  CHECK(message(all, {.column = "level", .mix = mix(-1, 2)}).find("negative") != std::string::npos);
  auto twice = mix(1, 1);
  twice.points.push_back(twice.points[0]);
  CHECK(message(all, {.column = "level", .mix = twice}).find("ascending") != std::string::npos);
  auto other = mix(1, 1);
  other.points[0].share["Odd"] = 1;
  CHECK(message(all, {.column = "level", .mix = other}).find("no problem has the level Odd") != std::string::npos);
  CHECK(message(all, {.floor = 2}).find("floor") != std::string::npos);
}
