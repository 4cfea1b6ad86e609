// SPDX-License-Identifier: Apache-2.0
// What the other ranks learn when one fails in the middle of a step.
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "dist/ranks.hpp"
#include "grove/algorithms.hpp"
#include "grove/trainer.hpp"
#include "support/catch.hpp"
#include "support/tiny_language_model.hpp"

using namespace grove;
using namespace std::chrono_literals;

namespace {

/// Cannot judge problems from a number on.
struct BreaksFrom {
  static constexpr std::string_view name = "brittle";
  std::uint64_t first = 0;
  double operator()(Problem const& problem, Completion const& completion) const {
    if (problem.id >= first) throw std::runtime_error("no such gold answer");
    return static_cast<double>(completion.tokens.size());
  }
};

}  // namespace

TEST_CASE("a reward that throws on one rank stops all, which name rank, phase, reward and problem") {
  auto const start = std::chrono::steady_clock::now();
  auto const errors = test::on_ranks(3, 30s, [](ProcessGroup& group) {
    // Six problems a step: the last one of step 2, number 11, is rank 2's.
    Trainer trainer(GrpoTokenMean{}, tiny::policy(),
                    tiny::sampler({.problems = 6, .group = 2, .max_tokens = 6, .share = {group.rank(), 3}}),
                    BreaksFrom{11}, {.schedule = {.peak = 1e-3}}, TokenBudget{50}, group);
    try {
      trainer.run(3);
    } catch (std::exception const& e) {
      group.fail(e.what());
      throw;
    }
  });
  CHECK(std::chrono::steady_clock::now() - start < 20s);
  CHECK(errors[2].find("reward brittle: problem 11: no such gold answer") == 0);
  for (std::size_t const rank : {0, 1}) {
    INFO(errors[rank]);
    CHECK(errors[rank].find("rank 2 stopped in phase gather of step 2: reward brittle: problem 11") !=
          std::string::npos);
  }
}

TEST_CASE("a rank that waits long says for whom") {
  std::vector<std::string> said;
  RankStore const store;
  std::thread other([&] {
    ProcessGroup group({.rank = 1, .size = 2, .port = store.port(), .store_is_there = true}, 20s);
    group.phase("gather of step 4");
    std::this_thread::sleep_for(1500ms);
    double x = 1;
    group.all_reduce_sum(std::span(&x, 1));
  });
  {
    ProcessGroup group({.rank = 0, .size = 2, .port = store.port(), .store_is_there = true}, 20s,
                       {.every = 400ms, .tell = [&](std::string const& line) { said.push_back(line); }});
    group.phase("update of step 3");
    double x = 1;
    group.all_reduce_sum(std::span(&x, 1));
    CHECK(x == 2);
    other.join();
  }
  REQUIRE(said.size() >= 2);
  CHECK(said[1].find("rank 0 waits in phase update of step 3 since 0 s; rank 1 is in phase gather of step 4") == 0);
}
