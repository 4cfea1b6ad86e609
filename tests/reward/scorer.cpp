// SPDX-License-Identifier: Apache-2.0
// Groups, failures, statistics and kept threads.
#include "grove/reward/scorer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "grove/reward/exact_answer.hpp"
#include "grove/reward/named.hpp"
#include "grove/reward/reward_set.hpp"
#include "grove/reward/score_batch.hpp"
#include "grove/reward/sum.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using grove::Named;
using grove::Scorer;
using grove::ScoringOptions;
using grove::Sum;
using test::asks;
using test::says;

namespace {

struct Shortest {
  std::vector<std::optional<double>> operator()(std::span<grove::Problem const* const>,
                                                std::span<grove::Completion const* const> completions) const {
    std::size_t shortest = completions.front()->tokens.size();
    for (auto const* one : completions) shortest = std::min(shortest, one->tokens.size());
    std::vector<std::optional<double>> scores;
    for (auto const* one : completions) scores.push_back(one->tokens.size() == shortest ? 1.0 : 0.0);
    return scores;
  }
};
static_assert(grove::GroupReward<Shortest>);

using Problems = std::span<grove::Problem const* const>;
using Completions = std::span<grove::Completion const* const>;
using Scores = std::vector<std::optional<double>>;

/// How many completions are longer, among those that it sees. Declines empty ones.
struct Longer {
  bool over_batch = false;
  static constexpr std::string_view name = "longer";

  Scores operator()(Problems, Completions completions) const {
    Scores scores;
    for (auto const* one : completions) {
      double longer = 0;
      for (auto const* other : completions) longer += other->tokens.size() > one->tokens.size();
      scores.push_back(one->tokens.empty() ? std::nullopt : std::optional(longer));
    }
    return scores;
  }
};

struct TooFew {
  Scores operator()(Problems, Completions) const { return {1.0}; }
};

/// Throws for problems below `bad`.
struct BreaksBelow {
  std::uint64_t bad = 0;
  static constexpr std::string_view name = "breaks";
  double operator()(grove::Problem const& problem, grove::Completion const&) const {
    if (problem.id < bad) throw std::runtime_error("no such word");
    return 1;
  }
};

struct ThrowsAnInt {
  double operator()(grove::Problem const&, grove::Completion const&) const { throw 3; }
};

/// Cannot read what is not a digit.
struct Reads {
  static constexpr std::string_view name = "reads";
  grove::Score operator()(grove::Problem const&, grove::Completion const& c) const {
    return c.text == "?" ? grove::Score::of_unreadable(0.0) : grove::Score(1.0);
  }
};

static_assert(grove::GroupReward<Longer> && !grove::Reward<Longer>);
static_assert(grove::GroupReward<Named<Longer>> && !grove::Reward<Named<Longer>>);
static_assert(grove::Reward<Reads> && grove::Reward<Named<Reads>>);
static_assert(grove::ScorableBy<Longer, test::Answers>);

/// Two groups, interleaved: lengths 1, 2, 3 of group 0 and 4, 5, 0 of group 1.
test::Answers two_groups() {
  test::Answers answers;
  std::size_t const lengths[] = {1, 4, 2, 5, 3, 0};
  for (std::size_t i = 0; i < 6; ++i) {
    answers.add(asks("", i % 2), says("", lengths[i]));
    answers.episodes.group[i] = static_cast<std::uint32_t>(i % 2);
  }
  return answers;
}

test::Answers many(std::size_t n) {
  test::Answers answers;
  for (std::size_t i = 0; i < n; ++i) answers.add(asks(std::to_string(i), i), says(std::to_string(i), 1));
  return answers;
}

Scores row(grove::RewardMatrix const& matrix, std::size_t reward) {
  Scores scores;
  for (std::size_t s = 0; s < matrix.samples(); ++s) scores.push_back(matrix(reward, s));
  return scores;
}

std::string message_of(auto const& f) {
  try {
    f();
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a reward of groups sees the completions of one problem; over_batch shows it all") {
  for (std::size_t const threads : {1, 4}) {
    auto const answers = two_groups();
    CHECK(row(grove::score_batch(Longer{}, answers, threads), 0) == Scores{2, 1, 1, 0, 0, std::nullopt});
    CHECK(row(grove::score_batch(Longer{.over_batch = true}, answers, threads), 0) ==
          Scores{4, 1, 3, 0, 2, std::nullopt});
  }
  CHECK(grove::score_batch(Longer{}, test::Answers{}).samples() == 0);
}

TEST_CASE("rewards of groups and of samples stand side by side in Sum and RewardSet") {
  auto const answers = two_groups();
  Sum const sum{grove::weighted(2.0, Named{"first", Longer{}}), BreaksBelow{}};
  grove::RewardSet set;
  set.add("first", 2.0, Longer{});
  set.add("breaks", 1.0, BreaksBelow{});
  for (auto const& matrix : {grove::score_batch(sum, answers), grove::score_batch(set, answers)}) {
    CHECK(matrix.name(0) == "first");
    CHECK(matrix.weight(0) == 2);
    CHECK(row(matrix, 0) == Scores{2, 1, 1, 0, 0, std::nullopt});
    CHECK(row(matrix, 1) == Scores(6, 1.0));
  }
}

TEST_CASE("a reward of groups must answer for each completion") {
  CHECK(message_of([] { grove::score_batch(TooFew{}, two_groups()); }) ==
        "reward reward: problem 0: its result: 1 scores; expected 3, one a completion");
}

TEST_CASE("failures up to a rate are declined and counted; beyond it the step fails with the cause") {
  auto const answers = many(10);
  for (std::size_t const threads : {1, 3}) {
    Scorer scorer({.threads = threads, .max_error_rate = 0.2});
    auto const matrix = scorer(BreaksBelow{.bad = 2}, answers);
    CHECK(matrix(0, 0) == std::nullopt);
    CHECK(matrix(0, 1) == std::nullopt);
    CHECK(matrix(0, 2) == 1);
    CHECK(scorer.statistics()[0].errors == 2);
    CHECK(scorer.statistics()[0].declined == 2);
    CHECK(scorer.statistics()[0].cause == "no such word");
    CHECK(scorer.statistics()[0].failed_problem == 0);
    scorer(BreaksBelow{.bad = 1}, answers);
    CHECK(scorer.statistics()[0].errors == 3);  // the first cause stays
    CHECK(scorer.statistics()[0].cause == "no such word");
  }
  Scorer scorer({.threads = 1, .max_error_rate = 0.2});
  CHECK(message_of([&] { scorer(BreaksBelow{.bad = 3}, answers); }) ==
        "reward breaks: problem 0: no such word; expected at most 2 failures in 10 samples");
  CHECK(message_of([&] { Scorer()(BreaksBelow{.bad = 1}, answers); }) == "reward breaks: problem 0: no such word");
  CHECK(message_of([&] { Scorer()(ThrowsAnInt{}, many(1)); }) ==
        "reward reward: problem 0: it threw what is no std::exception");
}

TEST_CASE("the metrics count what was declined, unreadable and broken, and how long it took") {
  test::Answers answers;
  for (auto const* text : {"1", "?", "2", "?"}) answers.add(asks("", answers.problems.size()), says(text));
  Sum const sum{Reads{}, BreaksBelow{.bad = 1}};
  Scorer scorer({.max_error_rate = 0.5});
  scorer(sum, answers);
  scorer(sum, answers);  // two batches, one report
  grove::Metrics metrics;
  scorer.report(metrics);
  CHECK(metrics.find("rewards/reads/unparsed") == 4);
  CHECK(scorer.statistics().empty());
  CHECK_FALSE(metrics.find("rewards/reads/errors"));
  CHECK_FALSE(metrics.find("rewards/breaks/unparsed"));
  CHECK(metrics.find("rewards/breaks/errors") == 2);
  CHECK(metrics.find("timing/rewards/reads/p50_ms") >= 0);
  CHECK(*metrics.find("timing/rewards/reads/p99_ms") >= *metrics.find("timing/rewards/reads/p50_ms"));
  grove::Metrics next;
  scorer.report(next);
  CHECK(next.size() == 0);
}

TEST_CASE("latencies are those of the calls") {
  struct Sleeps {
    double operator()(grove::Problem const& problem, grove::Completion const&) const {
      if (problem.id == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return 0;
    }
  };
  Scorer scorer;
  scorer(Named{"sleeps", Sleeps{}}, many(10));
  auto const& statistics = scorer.statistics()[0];
  CHECK(statistics.latency_ms.size() == 10);
  CHECK(statistics.latency(0.99) >= 20);
  CHECK(grove::RewardStatistics{.latency_ms = {4, 1, 3, 2}}.latency(0.5) == 3);
  CHECK(grove::RewardStatistics{}.latency(0.5) == 0);
}

TEST_CASE("the threads of a pool are kept, do all the work once and outlive a move") {
  grove::WorkerPool pool(3);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::atomic<int>> done(50);
    pool.for_each(50, [&](std::size_t i) {
      ++done[i];
      std::scoped_lock lock(mutex);
      ids.insert(std::this_thread::get_id());
    });
    for (auto const& times : done) REQUIRE(times == 1);
    if (round == 10) {
      grove::WorkerPool moved = std::move(pool);
      pool = std::move(moved);
    }
  }
  CHECK(ids.size() <= 3);  // new threads a round would have new ids
  CHECK_THROWS_AS(pool.for_each(5,
                                [](std::size_t i) {
                                  if (i == 3) throw std::runtime_error("three");
                                }),
                  std::runtime_error);
  std::atomic<int> after = 0;
  pool.for_each(5, [&](std::size_t) { ++after; });
  CHECK(after == 5);
}

TEST_CASE("a reward of a group sees all its completions") {
  test::Answers answers;
  for (auto const n : {3, 1, 2}) answers.add(asks("", 0), grove::Completion{.tokens = std::vector<grove::TokenId>(n)});
  auto const matrix = Scorer()(Named{"shortest", Shortest{}}, answers);
  CHECK(matrix(0, 0) == 0.0);
  CHECK(matrix(0, 1) == 1.0);
  CHECK(matrix(0, 2) == 0.0);
}

namespace {

/// What late calls wait for: whoever goes on without them opens it at last.
struct Latch {
  std::mutex mutex{};
  std::condition_variable opened{};
  bool open = false;

  void wait() {
    std::unique_lock lock(mutex);
    opened.wait(lock, [this] { return open; });
  }
  void let_through() {
    std::scoped_lock lock(mutex);
    open = true;
    opened.notify_all();
  }
};

/// Never comes back from odd answers before the latch is open.
struct StuckOnOdd {
  static constexpr std::string_view name = "stuck";
  std::shared_ptr<Latch> latch = std::make_shared<Latch>();
  double operator()(grove::Problem const& problem, grove::Completion const&) const {
    if (problem.id % 2 == 1) latch->wait();
    return 1.0;
  }
};

/// The same for groups whose first answer is odd.
struct GroupStuckOnOdd {
  static constexpr std::string_view name = "stuck_group";
  std::shared_ptr<Latch> latch = std::make_shared<Latch>();
  Scores operator()(Problems problems, Completions completions) const {
    if (problems.front()->id % 2 == 1) latch->wait();
    return Scores(completions.size(), 1.0);
  }
};

}  // namespace

TEST_CASE("a call that is late is counted under the reward's name and gets the fallback") {
  auto const answers = many(6);
  grove::Metrics metrics;
  StuckOnOdd const stuck;
  Scorer scorer({.threads = 6, .deadline = std::chrono::seconds(1), .fallback = -0.5});
  auto const rewards = scorer(stuck, answers);  // would never return without the deadline
  for (std::size_t s = 0; s < rewards.samples(); ++s)
    CHECK(rewards(0, s) == (answers.problem(s).id % 2 == 1 ? -0.5 : 1.0));
  CHECK(scorer.statistics()[0].cause == "not back within the deadline of 1000 ms");
  CHECK(scorer.statistics()[0].failed_problem == 1);
  scorer.report(metrics);
  CHECK(metrics.find("rewards/stuck/slow") == 3.0);
  CHECK_FALSE(metrics.find("rewards/stuck/errors").has_value());
  stuck.latch->let_through();
}

TEST_CASE("a late call of a group is counted for each of its completions, and all get the fallback") {
  test::Answers answers;
  for (std::uint32_t group = 0; group < 3; ++group)
    for (int i = 0; i < 2; ++i) {
      answers.add(asks("", group), says("", 1));
      answers.episodes.group.back() = group;
    }
  GroupStuckOnOdd const stuck;
  grove::Metrics metrics;
  Scorer scorer({.threads = 3, .deadline = std::chrono::seconds(1)});
  auto const rewards = scorer(stuck, answers);
  for (std::size_t s = 0; s < rewards.samples(); ++s)
    CHECK(rewards(0, s) == (answers.problem(s).id == 1 ? std::nullopt : std::optional(1.0)));
  scorer.report(metrics);
  CHECK(metrics.find("rewards/stuck_group/slow") == 2.0);
  stuck.latch->let_through();
}

TEST_CASE("a call that throws is counted under the reward's name and gets the fallback") {
  auto const answers = many(6);
  grove::Metrics metrics;
  Scorer lenient({.threads = 2, .max_error_rate = 1, .fallback = 0.25});
  auto const failed = lenient(BreaksBelow{.bad = 2}, answers);
  lenient.report(metrics);
  CHECK(failed(0, 0) == 0.25);
  CHECK(failed(0, 5) != 0.25);
  CHECK(metrics.find("rewards/breaks/errors") == 2.0);
}
