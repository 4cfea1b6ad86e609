// SPDX-License-Identifier: Apache-2.0
// What parts write down they take over again, and what does not fit is refused by name.
#include "grove/checkpoint/state.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "grove/checkpoint/checkpoint_folder.hpp"
#include "grove/error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;

namespace {

struct Inner {
  std::vector<double> values{};
  std::array<float, 3> fixed{};
  void state(State& s) {
    s("values", values);
    s("fixed", std::span(fixed));
  }
};
struct Part {
  std::uint64_t count = 0;
  double x = 0;
  bool flag = false;
  Inner inner{};
  void state(State& s) {
    s("count", count);
    s("x", x);
    s("flag", flag);
    s("inner", inner);
  }
};
static_assert(Stateful<Part> && !Stateful<int>);

Part example() {
  return {.count = std::numeric_limits<std::uint64_t>::max(),
          .x = 0.1,
          .flag = true,
          .inner = {.values = {1, -0.0, std::numeric_limits<double>::infinity()}, .fixed = {1, 2, 3}}};
}

CheckpointInfo info_at(std::uint64_t step, double reward = 0) {
  return {.step = step, .composition = "C", .settings = {{"beta", "0.1"}}, .metrics = {{"reward", reward}}};
}

std::vector<std::uint64_t> steps_in(std::filesystem::path const& folder) {
  std::vector<std::uint64_t> steps;
  for (auto const& one : checkpoints_in(folder)) steps.push_back(one.step);
  return steps;
}

std::string refusal(CheckpointInfo const& then, CheckpointInfo const& now, std::vector<std::string> const& allowed) {
  try {
    check_resumable("c", then, now, allowed);
  } catch (Error const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a part is what it was after a way through the disk, bit for bit") {
  TemporaryFolder const folder("checkpoint");
  auto part = example();
  State saved;
  saved("part", part);
  saved.detach();
  part.inner.values[0] = 7;  // a snapshot does not see it
  write_checkpoint(folder.path, saved, info_at(3));
  auto state = read_checkpoint_state(folder.path / "checkpoint-3");
  Part loaded;
  state("part", loaded);
  state.finish();
  auto const expected = example();
  CHECK(loaded.count == expected.count);
  CHECK(loaded.x == expected.x);
  CHECK(loaded.flag);
  CHECK(loaded.inner.values == expected.inner.values);
  CHECK(std::signbit(loaded.inner.values[1]));
  CHECK(loaded.inner.fixed == expected.inner.fixed);
  auto const info = read_checkpoint_info(folder.path / "checkpoint-3");
  CHECK(info.step == 3);
  CHECK(info.settings == Settings{{"beta", "0.1"}});
}

TEST_CASE("what is missing, left over or of another shape is named") {
  TemporaryFolder const folder("checkpoint");
  auto part = example();
  State saved;
  saved("part", part);
  write_checkpoint(folder.path, saved, info_at(1));
  auto const load = [&](auto const& take) {
    auto state = read_checkpoint_state(folder.path / "checkpoint-1");
    try {
      take(state);
      state.finish();
    } catch (Error const& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  std::uint64_t number = 0;
  std::array<float, 4> four{};
  CHECK(load([&](State& s) { s("missing", number); }).find("has no 'missing'") != std::string::npos);
  CHECK(load([&](State& s) { s("part/count", number); }).find("which no part of this run takes") != std::string::npos);
  CHECK(load([&](State& s) { s("part/inner/fixed", std::span(four)); }).find("is F32[3]; expected F32[4]") !=
        std::string::npos);
  CHECK(load([&](State& s) { s("part/x", number); }).find("is F64[]; expected U64[]") != std::string::npos);
}

TEST_CASE("the last and the best checkpoints stay") {
  TemporaryFolder const folder("checkpoint");
  State const empty;
  std::array const rewards = {0.5, 0.9, 0.1, 0.9, 0.3, 0.2};
  for (std::size_t i = 0; i < rewards.size(); ++i) write_checkpoint(folder.path, empty, info_at(10 * i, rewards[i]));
  remove_superseded(folder.path, {});
  CHECK(steps_in(folder.path).size() == 6);
  remove_superseded(folder.path, {.last = 2, .best = 2});
  CHECK(steps_in(folder.path) == std::vector<std::uint64_t>{10, 30, 40, 50});
  remove_superseded(folder.path, {.last = 1, .best = 1, .greater_is_better = false});
  CHECK(steps_in(folder.path) == std::vector<std::uint64_t>{50});
}

TEST_CASE("a run goes on from its newest whole checkpoint") {
  TemporaryFolder const folder("checkpoint");
  CHECK_FALSE(checkpoint_to_resume("auto", folder.path));
  State const empty;
  write_checkpoint(folder.path, empty, info_at(9));
  write_checkpoint(folder.path, empty, info_at(10));
  std::filesystem::create_directory(folder.path / ".checkpoint-11.grove-tmp-1-0");  // of a killed writer
  std::filesystem::create_directory(folder.path / "checkpoint-x");
  CHECK(checkpoint_to_resume("auto", folder.path)->step == 10);
  CHECK(checkpoint_to_resume((folder.path / "checkpoint-9").string(), folder.path)->step == 9);
  CHECK(checkpoint_to_resume(folder.path.string() + "/", folder.path)->step == 10);
  CHECK_FALSE(checkpoint_to_resume("off", folder.path));
  CHECK_THROWS_AS(checkpoint_to_resume((folder.path / "other").string(), folder.path), Error);
  CHECK_FALSE(std::filesystem::exists(folder.path / ".checkpoint-11.grove-tmp-1-0"));
}

TEST_CASE("another composition or setting is refused by name, unless it is allowed") {
  auto const then = info_at(1);
  auto now = then;
  std::vector<std::string> const none, beta = {"beta"}, all = {"all"};
  CHECK_NOTHROW(check_resumable("c", then, now, none));
  now.settings[0].second = "0.2";
  CHECK(refusal(then, now, none) ==
        "--resume c: beta is '0.2'; expected '0.1', as in the checkpoint; set it so, or go on with the other one by "
        "--resume-allow beta");
  CHECK_NOTHROW(check_resumable("c", then, now, beta));
  now.settings.emplace_back("gamma", "1");
  CHECK(refusal(then, now, beta).find("gamma is '1'; expected not there") != std::string::npos);
  now.composition = "D";
  CHECK(refusal(then, now, beta).find("composition is D; expected C") != std::string::npos);
  CHECK_NOTHROW(check_resumable("c", then, now, all));
}
