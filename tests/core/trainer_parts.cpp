// SPDX-License-Identifier: Apache-2.0
// What surrounds the update of a step: group filters, KL in the reward, controllers, the reference, a critic's warm-up.
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "core/walks.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"
#include "grove/trainer.hpp"
#include "support/catch.hpp"

using namespace grove;
using test::Walker;
using test::Walks;
using test::Wander;

namespace {

TrainOptions const usual{.schedule = {.peak = 0.05}};

/// The first `varied` groups of each collection have two different rewards, the others one. `varied` is read from a
/// list, one a collection, the last again and again.
struct Scripted {
  std::vector<std::size_t> varied{};
  Wander inner{};
  std::size_t collections = 0;

  Walks collect(Walker& policy) {
    auto t = inner.collect(policy);
    auto const n = varied[std::min(collections++, varied.size() - 1)];
    for (std::size_t s = 0; s < t.reward.size(); ++s)
      t.reward[s] = t.episodes.group[s] < n && s % 2 == 1 ? 0.5 + static_cast<double>(collections) : 1.0;
    return t;
  }
};

using Filtered =
    Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Window>, PolicyGradient<>>, AsJudged, DropUniformGroups>;

auto filtered(std::vector<std::size_t> varied, std::size_t most) {
  Filtered algorithm;
  algorithm.filter.max_collections = most;
  return Trainer(algorithm, Walker(3), Scripted{.varied = std::move(varied)}, EnvironmentReward{}, usual);
}

/// Counts the optimizer steps it is told of.
struct Counter {
  std::size_t calls = 0;

  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = Column::LogProb;
  static constexpr std::string_view loss_name = "nothing";
  static constexpr std::array<std::string_view, 1> metric_names = {"one"};
  static std::string describe() { return "Counter"; }
  ColumnSet wanted() const { return needs; }
  void adapt(std::array<double, 1> const& means) { calls += means[0] == 1; }
  template <std::floating_point T>
  constexpr TermValue<T, 1> operator()(Token<T> const&) const {
    return {.metrics = {T(1)}};
  }
};

/// Every third sample is judged by nobody, or was never sampled at all.
struct Gaps {
  bool sampled = true;
  Wander inner{};

  Walks collect(Walker& policy) {
    auto const t = inner.collect(policy);
    if (sampled) return t;
    std::vector<std::uint32_t> judged;
    for (std::uint32_t s = 0; s < t.episodes.sequences(); ++s)
      if (s % 3 != 1) judged.push_back(s);
    return t.select(judged);
  }
};

struct DeclineGaps {
  RewardMatrix evaluate(Walks const& t) const {
    RewardMatrix rewards({"gaps"}, {1.0}, t.reward.size());
    for (std::size_t s = 0; s < t.reward.size(); ++s)
      if (s % 3 != 1) rewards(0, s) = t.reward[s];
    return rewards;
  }
};

template <class S>
using WithShaping = Algorithm<LeaveOneOut, Terms<TokenMean<Window>, PolicyGradient<>>, S>;

double log_prob(std::vector<double> const& logits, std::size_t arm) {
  return std::log(Walker::probabilities(logits)[arm]);
}

}  // namespace

TEST_CASE("DropUniformGroups collects until its groups are full, and no more") {
  auto trainer = filtered({4, 1, 3, 6}, 10);
  auto const report = trainer.step();
  CHECK(report.metrics.find("filter/collections") == 3.0);
  CHECK(report.metrics.find("filter/groups_kept") == 6.0);  // 4, 1 and one of 3
  CHECK(report.metrics.find("filter/groups_seen") == 18.0);
  CHECK(trainer.rollout().collections == 3);
  CHECK(report.updates == 1);
  auto const& batch = trainer.last();
  auto const& t = batch.trajectories;
  CHECK(t.groups() == 6);
  CHECK(t.episodes.sequences() == 24);
  REQUIRE(batch.rewards.samples() == 24);
  for (std::size_t s = 0; s < 24; ++s) CHECK(batch.rewards(0, s) == t.reward[s]);
  for (std::uint32_t g : std::set(t.episodes.group.begin(), t.episodes.group.end())) {
    std::set<double> rewards;
    for (std::size_t s = 0; s < 24; ++s)
      if (t.episodes.group[s] == g) rewards.insert(t.reward[s]);
    CHECK(rewards.size() == 2);
  }
  for (std::size_t i = 0; i < t.arms.size(); ++i) CHECK(t.log_probs[i] == Approx(std::log(1.0 / 3)));
}

TEST_CASE("DropUniformGroups goes on with what it has when its collections are used up") {
  auto some = filtered({1}, 4);
  auto const report = some.step();
  CHECK(report.metrics.find("filter/collections") == 4.0);
  CHECK(some.last().trajectories.groups() == 4);
  CHECK(report.updates == 1);

  auto none = filtered({0}, 3);
  auto const before = none.policy().logits();
  for (int i = 0; i < 2; ++i) {
    auto const empty = none.step();
    CHECK(empty.metrics.find("filter/collections") == 3.0);
    CHECK(empty.metrics.find("filter/groups_kept") == 0.0);
    CHECK(empty.updates == 0);
  }
  CHECK(none.policy().logits() == before);
  CHECK(none.rollout().collections == 6);

  auto once = filtered({2, 6}, 1);
  CHECK(once.step().metrics.find("filter/groups_kept") == 2.0);
  CHECK(once.step().metrics.find("filter/groups_kept") == 6.0);
}

TEST_CASE("KlInReward takes the KL from each token's reward and reports its mean") {
  WithShaping<KlInReward<K1>> algorithm;
  algorithm.shaping.coefficient = 0.3;
  Trainer trainer(algorithm, Walker(3), Wander{}, EnvironmentReward{}, usual);
  CHECK(trainer.step().metrics.find("kl") == 0.0);  // the policy is its own reference yet
  trainer.run(4);
  auto const logits = trainer.policy().logits();
  auto const report = trainer.step();
  auto const& batch = trainer.last();
  double sum = 0;
  for (std::size_t i = 0; i < batch.token_reward.size(); ++i) {
    double const kl = log_prob(logits, batch.trajectories.arms[i]) - std::log(1.0 / 3);
    CHECK(batch.token_reward[i] == Approx(-0.3 * kl).margin(1e-15));
    sum += kl;
  }
  CHECK(std::abs(sum) > 1e-2);
  CHECK(*report.metrics.find("kl") == Approx(sum / static_cast<double>(batch.token_reward.size())));
  CHECK(report.metrics.find("kl_coef") == 0.3);
}

TEST_CASE("a strong KL in the reward keeps the policy nearer to its reference than a weak one") {
  auto const moved = [](double coefficient) {
    WithShaping<KlInReward<K1>> algorithm;
    algorithm.shaping.coefficient = coefficient;
    Trainer trainer(algorithm, Walker(3), Wander{}, EnvironmentReward{}, usual);
    trainer.run(60);
    return Walker::probabilities(trainer.policy().logits())[2];
  };
  CHECK(moved(0) > 0.8);
  CHECK(moved(2) < 0.5);
}

TEST_CASE("an adaptive KL coefficient follows the KL of each step") {
  WithShaping<KlInReward<K1, AdaptiveKl>> algorithm;
  algorithm.shaping = {.coefficient = 0.05, .control = {.target = 0.05, .rate = 0.5}};
  Trainer trainer(algorithm, Walker(3), Wander{}, EnvironmentReward{}, usual);
  double expected = 0.05, least = 1, most = 0;
  for (int i = 0; i < 40; ++i) {
    auto const report = trainer.step();
    CHECK(*report.metrics.find("kl_coef") == Approx(expected).epsilon(1e-12));
    double const error = std::clamp(*report.metrics.find("kl") / 0.05 - 1, -0.2, 0.2);
    expected *= 1 + 0.5 * error;
    least = std::min(least, expected);
    most = std::max(most, expected);
  }
  CHECK(least < 0.05);  // it fell while the KL was below its target
  CHECK(most > least * 1.5);
}

TEST_CASE("a KL that is no number leaves the adaptive coefficient alone") {
  double coefficient = 0.05;
  AdaptiveKl{}.adapt(coefficient, std::numeric_limits<double>::quiet_NaN());
  CHECK(coefficient == 0.05);
}

TEST_CASE("adapt is called once an optimizer step, and not for one that is left out") {
  using A = Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Window>, PolicyGradient<>, Counter>>;
  auto options = usual;
  options.epochs = 2;
  options.minibatches = 3;
  Trainer trainer(A{}, Walker(3), Wander{}, EnvironmentReward{}, options, TokenBudget{10});
  auto const calls = [&] { return trainer.algorithm().objective.get<Counter>().calls; };
  CHECK(trainer.step().updates == 6);
  CHECK(calls() == 6);
  trainer.run(2);
  CHECK(calls() == 18);
}

TEST_CASE("one reward that is no number skips the updates it is in and changes nothing") {
  struct Broken {
    Wander inner{};
    Walks collect(Walker& policy) {
      auto t = inner.collect(policy);
      std::size_t s = 0;
      while (t.episodes.length(s) == 0) ++s;
      t.reward[s] = std::numeric_limits<double>::quiet_NaN();
      return t;
    }
  };
  auto const check = [](auto algorithm) {
    Trainer trainer(algorithm, Walker(3), Broken{}, EnvironmentReward{}, usual);
    auto const report = trainer.step();
    CHECK(report.skipped == 1);
    CHECK(report.updates == 0);
    CHECK(trainer.optimizer().steps() == 0);
    CHECK(trainer.policy().logits() == std::vector<double>(3));
    CHECK(trainer.policy().value() == 0);
  };
  check(Grpo{});
  check(Rloo{});
  check(Ppo{});
  check(Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Window>, PolicyGradient<>, Counter>>{});
}

TEST_CASE("a sample that every reward declines counts nowhere: the update is that of a batch without it") {
  auto const check = [](auto algorithm) {
    INFO(algorithm.advantage.describe());
    Trainer declined(algorithm, Walker(3), Gaps{}, DeclineGaps{}, usual);
    Trainer absent(algorithm, Walker(3), Gaps{.sampled = false}, EnvironmentReward{}, usual);
    auto const a = declined.step().metrics;
    auto const b = absent.step().metrics;
    for (auto const* name : {"grad_norm", "loss", "kl"})
      if (b.find(name)) CHECK(*a.find(name) == Approx(*b.find(name)).epsilon(1e-12).margin(1e-15));
    CHECK(*b.find("grad_norm") > 1e-3);
    for (std::size_t arm = 0; arm < 3; ++arm)
      CHECK(declined.policy().logits()[arm] == Approx(absent.policy().logits()[arm]).epsilon(1e-12));
  };
  check(Grpo{});
  check(GrpoTokenMean{});
  DrGrpo dr_grpo;
  dr_grpo.objective.aggregate.length = 6;
  check(dr_grpo);
  check(Rloo{});
  check(ReinforcePlusPlus{});
  check(LitePpo{});
  check(Ppo{});
}

TEST_CASE("the reference follows the policy as it is told to") {
  auto const reference_after = [](std::size_t steps, ReferenceSync const& sync) {
    auto options = usual;
    options.reference = sync;
    Trainer trainer(Grpo{}, Walker(3), Wander{}, EnvironmentReward{}, options);
    std::vector<double> reference(3);
    for (std::size_t i = 1; i <= steps; ++i) {
      trainer.step();
      auto const& batch = trainer.last();
      for (std::size_t k = 0; k < batch.ref_log_prob.size(); ++k)
        CHECK(batch.ref_log_prob[k] == Approx(log_prob(reference, batch.trajectories.arms[k])).epsilon(1e-12));
      auto const logits = trainer.policy().logits();
      if (sync.every != 0 && i % sync.every == 0)
        for (std::size_t a = 0; a < 3; ++a) reference[a] = sync.mixup * logits[a] + (1 - sync.mixup) * reference[a];
    }
    return std::pair(reference, *trainer.step().metrics.find("kl"));
  };
  auto const [frozen, kl] = reference_after(8, {});
  CHECK(frozen == std::vector<double>(3));
  CHECK(kl > 1e-3);
  auto const [mixed, mixed_kl] = reference_after(8, {.every = 2, .mixup = 0.25});
  CHECK(mixed[2] > 0.01);
  CHECK((mixed_kl > 0 && mixed_kl < kl));
  auto const [reset, reset_kl] = reference_after(8, {.every = 4, .mixup = 1});
  CHECK(reset[2] > 0.01);
  CHECK(reset_kl == Approx(0).margin(1e-15));
}

TEST_CASE("while a critic warms up the policy stays and the values learn") {
  auto options = usual;
  options.value_warmup_steps = 3;
  options.minibatches = 2;
  Trainer trainer(Ppo{}, Walker(3), Wander{}, EnvironmentReward{}, options);
  double value = 0;
  for (int i = 0; i < 3; ++i) {
    auto const report = trainer.step();
    CHECK(report.updates == 2);
    CHECK(trainer.policy().logits() == std::vector<double>(3));
    CHECK(trainer.policy().value() > value);
    value = trainer.policy().value();
  }
  trainer.step();
  CHECK(trainer.policy().logits() != std::vector<double>(3));
}
