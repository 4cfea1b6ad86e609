// SPDX-License-Identifier: Apache-2.0
// Scores of one number a token, from the reward to the advantages.
#include <string>
#include <vector>

#include "core/walks.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/reward/clamp.hpp"
#include "grove/reward/gate.hpp"
#include "grove/reward/named.hpp"
#include "grove/reward/reward_set.hpp"
#include "grove/reward/score_batch.hpp"
#include "grove/reward/sum.hpp"
#include "grove/trainer.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;
using test::asks;
using test::says;
using test::Walker;
using test::Walks;
using test::Wander;

namespace {

/// i + 1 at token i, `extra` tokens too many; declines an empty completion.
struct Rising {
  std::size_t extra = 0;
  static constexpr std::string_view name = "rising";

  Score operator()(Problem const&, Completion const& completion) const {
    if (completion.tokens.empty()) return std::nullopt;
    std::vector<double> tokens(completion.tokens.size() + extra);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<double>(i + 1);
    return Score::of_tokens(std::move(tokens));
  }
};
static_assert(Reward<Rising>);

struct One {
  static constexpr std::string_view name = "one";
  double operator()(Problem const&, Completion const&) const { return 1; }
};

std::vector<double> list(std::span<const double> numbers) { return {numbers.begin(), numbers.end()}; }

test::Answers three_answers() {
  test::Answers answers;
  for (std::size_t tokens : {3, 0, 2}) answers.add(asks(""), says("", tokens));
  return answers;
}

/// Each arm's number at its token, half of it where `weight` says so, and 1 for the whole.
struct ArmByArm {
  RewardMatrix evaluate(Walks const& t) const {
    RewardMatrix rewards({"arms", "whole"}, {0.5, 2.0}, t.episodes.sequences());
    for (std::size_t s = 0; s < t.episodes.sequences(); ++s) {
      std::vector<double> tokens;
      for (auto i = t.episodes.cu_seqlens[s]; i < t.episodes.cu_seqlens[s + 1]; ++i)
        tokens.push_back(static_cast<double>(t.arms[i]));
      if (!tokens.empty()) rewards.set_tokens(0, s, std::move(tokens));
      rewards(1, s) = 1;
    }
    return rewards;
  }
};

/// The advantage of a token is what it earned.
struct Earned {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = false;
  static std::string describe() { return "Earned"; }
  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    for (std::size_t s = 0; s < in.episodes.sequences(); ++s)
      for (auto t = in.episodes.cu_seqlens[s]; t < in.episodes.cu_seqlens[s + 1]; ++t)
        out.advantage[t] = static_cast<T>(in.earned(s, t));
  }
};

template <class A>
auto trainer_with() {
  using Alg = Algorithm<A, Terms<TokenMean<Window>, PolicyGradient<>>>;
  return Trainer(Alg{}, Walker(3), Wander{}, ArmByArm{}, TrainOptions{.schedule = {.peak = 0.05}});
}

}  // namespace

TEST_CASE("a score of tokens keeps them, and its number is their sum") {
  auto const score = Score::of_tokens({1, -0.5, 2});
  CHECK(score == 2.5);
  CHECK(score.tokens.size() == 3);

  RewardMatrix matrix({"a", "b"}, {2, 1}, 2);
  CHECK_FALSE(matrix.has_tokens());
  CHECK(matrix.tokens(0, 1).empty());
  matrix.set_tokens(0, 1, {1, 2});
  matrix(1, 1) = 10;
  matrix(1, 0) = 7;
  CHECK(matrix.has_tokens());
  CHECK(matrix(0, 1) == 3.0);
  CHECK(matrix.combined(1) == 16.0);
  CHECK(matrix.combined_at_end(1) == 10.0);
  CHECK(matrix.combined_at_end(0) == matrix.combined(0).value());
  std::vector<double> earned = {0.5, 0};
  matrix.add_tokens_to(1, std::span(earned));
  CHECK(earned == std::vector{2.5, 4.0});

  RewardMatrix chosen;
  std::vector<std::uint32_t> const second = {1}, both = {0, 1};
  chosen.append(matrix, second);
  chosen.append(matrix, both);
  CHECK(list(chosen.tokens(0, 0)) == std::vector{1.0, 2.0});
  CHECK(chosen.tokens(0, 1).empty());
  CHECK(list(chosen.tokens(0, 2)) == std::vector{1.0, 2.0});
  CHECK(chosen.tokens(1, 2).empty());
}

TEST_CASE("a Scorer carries scores of tokens through lists, names and gates, on any number of threads") {
  RewardSet set;
  set.add("set", 1, Named{"named", Rising{}});
  for (std::size_t threads : {1, 3}) {
    for (auto const& matrix : {score_batch(Sum{One{}, Rising{}}, three_answers(), threads),
                               score_batch(Sum{One{}, Named{"x", Gate{One{}, Rising{}}}}, three_answers(), threads)}) {
      CHECK(list(matrix.tokens(1, 0)) == std::vector{1.0, 2.0, 3.0});
      CHECK(matrix(1, 1) == std::nullopt);
      CHECK(list(matrix.tokens(1, 2)) == std::vector{1.0, 2.0});
      CHECK(matrix.combined(0) == 7.0);
      CHECK(matrix.combined_at_end(0) == 1.0);
      CHECK(matrix.tokens(0, 0).empty());
    }
    CHECK(list(score_batch(set, three_answers(), threads).tokens(0, 0)) == std::vector{1.0, 2.0, 3.0});
  }
  auto const clamped = score_batch(Clamp{Rising{}, 0, 4}, three_answers());
  CHECK(clamped(0, 0) == 4.0);
  CHECK_FALSE(clamped.has_tokens());  // the limits are those of the whole
}

TEST_CASE("a score of more tokens than there are is the reward's error") {
  try {
    score_batch(Rising{.extra = 1}, three_answers());
    FAIL("four scores for three tokens");
  } catch (Error const& e) {
    CHECK(std::string(e.what()).find("reward rising: problem 0: its result: 4 scores; expected 3, one a token") == 0);
  }
}

TEST_CASE("estimators with a sense of time take each token's score, weighted; whole scores come at the last token") {
  auto trainer = trainer_with<Earned>();
  trainer.step();
  auto const& batch = trainer.last();
  auto const& t = batch.trajectories;
  REQUIRE(t.arms.size() > 20);
  for (std::size_t s = 0; s < t.episodes.sequences(); ++s) {
    CHECK(batch.reward[s] == 2.0);
    for (auto i = t.episodes.cu_seqlens[s]; i < t.episodes.cu_seqlens[s + 1]; ++i) {
      bool const last = i + 1 == t.episodes.cu_seqlens[s + 1];
      CHECK(batch.advantage[i] == 0.5 * static_cast<double>(t.arms[i]) + (last ? 2.0 : 0.0));
    }
  }
}

TEST_CASE("estimators that compare answers take the sum") {
  auto trainer = trainer_with<LeaveOneOut>();
  trainer.step();
  auto const& batch = trainer.last();
  auto const& e = batch.trajectories.episodes;
  for (std::size_t s = 0; s < e.sequences(); ++s) {
    double others = 0, n = 0;
    for (std::size_t o = 0; o < e.sequences(); ++o)
      if (o != s && e.group[o] == e.group[s]) {
        others += batch.rewards.combined(o).value();
        n += 1;
      }
    for (auto i = e.cu_seqlens[s]; i < e.cu_seqlens[s + 1]; ++i)
      CHECK(batch.advantage[i] == Approx(batch.rewards.combined(s).value() - others / n).margin(1e-12));
  }
}

TEST_CASE("Gae sees a score at the token that earned it") {
  Episodes episodes;
  episodes.add(3, 0, false);
  RewardMatrix rewards({"a"}, {1}, 1);
  rewards.set_tokens(0, 0, {1, 0, 2});
  std::vector<double> const reward = {rewards.combined_at_end(0)}, value(3, 0.0), bootstrap = {0};
  std::vector<double> earned(3), advantage(3), returns(3);
  std::vector<std::uint8_t> const counts(3, 1), valid = {1};
  rewards.add_tokens_to(0, std::span(earned));
  Metrics metrics;
  EstimatorInput<double> const in{.episodes = episodes,
                                  .rewards = rewards,
                                  .reward = reward,
                                  .valid = valid,
                                  .counts = counts,
                                  .token_reward = earned,
                                  .value = value,
                                  .bootstrap = bootstrap};
  Solo solo;
  Gae gae;
  gae.gamma = 0.5;
  gae.lambda = 1;
  gae.whiten = false;
  gae(in, EstimatorOutput<double>{advantage, returns, metrics}, solo);
  CHECK(returns == std::vector{1.5, 1.0, 2.0});  // 1 + 0.5 * (0 + 0.5 * 2), ...
}
