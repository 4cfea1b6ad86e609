// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/score_batch.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "grove/reward/environment.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/named.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using test::asks;
using test::says;

namespace {

test::Answers many(std::size_t n) {
  test::Answers answers;
  for (std::size_t i = 0; i < n; ++i) answers.add(asks(std::to_string(i), i), says(std::to_string(i), 1));
  return answers;
}

/// The problem's id; declines the odd ones.
struct EvenId {
  std::optional<double> operator()(grove::Problem const& problem, grove::Completion const&) const {
    if (problem.id % 2) return std::nullopt;
    return static_cast<double>(problem.id);
  }
};

struct Breaks {
  double operator()(grove::Problem const& problem, grove::Completion const&) const {
    if (problem.id == 5) throw std::out_of_range("no such word");
    return 0;
  }
};

/// Scores the batch by itself.
struct Position {
  grove::RewardMatrix evaluate(test::Answers const& answers) const {
    grove::RewardMatrix matrix({"position"}, {1.0}, answers.episodes.sequences());
    for (std::size_t i = 0; i < matrix.samples(); ++i) matrix(0, i) = static_cast<double>(i);
    return matrix;
  }
};

struct Rollouts {
  std::vector<float> values;
  std::vector<float> const& rewards() const { return values; }
};

static_assert(grove::BatchReward<Position, test::Answers>);
static_assert(!grove::BatchReward<EvenId, test::Answers>);
static_assert(grove::ScorableBy<EvenId, test::Answers>);
static_assert(!grove::ScorableBy<EvenId, Rollouts>);
static_assert(!grove::ScorableBy<Position, test::Answers>);
static_assert(grove::BatchReward<grove::EnvironmentReward, Rollouts>);
static_assert(!grove::BatchReward<grove::EnvironmentReward, test::Answers>);

}  // namespace

TEST_CASE("each sample gets its own score, whatever the number of threads") {
  auto const answers = many(100);
  for (std::size_t const threads : {0, 1, 2, 7, 1000}) {
    auto const matrix = grove::score_batch(EvenId{}, answers, threads);
    REQUIRE(matrix.samples() == 100);
    for (std::size_t i = 0; i < 100; ++i)
      REQUIRE(matrix(0, i) == (i % 2 ? std::nullopt : std::optional(static_cast<double>(i))));
  }
  CHECK(grove::score_batch(EvenId{}, many(0)).samples() == 0);
}

TEST_CASE("an unnamed reward is called reward, a named one by its name") {
  CHECK(grove::score_batch(EvenId{}, many(1)).name(0) == "reward");
  CHECK(grove::score_batch(grove::Named{"even", EvenId{}}, many(1)).name(0) == "even");
  CHECK(grove::score_batch(grove::ExactAnswer{}, many(1)).name(0) == "exact_answer");
}

TEST_CASE("what a reward throws names the reward and the problem, on any thread") {
  for (std::size_t const threads : {1, 3}) {
    std::string message;
    try {
      grove::score_batch(grove::Named{"breaks", Breaks{}}, many(20), threads);
    } catch (grove::Error const& e) {
      message = e.what();
    }
    CHECK(message == "reward breaks: problem 5: no such word");
  }
}

TEST_CASE("a reward that scores batches does it itself") {
  auto const matrix = grove::score_batch(Position{}, many(3));
  CHECK(matrix.name(0) == "position");
  CHECK(matrix(0, 2) == 2);
}

TEST_CASE("an environment's reward is taken as it is") {
  auto const matrix = grove::score_batch(grove::EnvironmentReward{}, Rollouts{{0.5f, -2}});
  REQUIRE(matrix.samples() == 2);
  CHECK(matrix(0, 0) == 0.5);
  CHECK(matrix(0, 1) == -2);
}
