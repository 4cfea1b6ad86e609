// SPDX-License-Identifier: Apache-2.0
#include "grove/trainer.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"
#include "support/catch.hpp"

namespace {

auto make(grove::TrainOptions options = {.schedule = {.peak = 0.05}}) {
  return grove::Trainer(grove::Grpo{}, SoftmaxBandit(5), PullArms{}, grove::EnvironmentReward{}, options);
}

/// Pays what it is told, whatever the arm.
struct Pay {
  double amount = 1;
  grove::RewardMatrix evaluate(Pulls const& t) const {
    grove::RewardMatrix matrix({"pay"}, {1.0}, t.episodes.sequences());
    for (std::size_t i = 0; i < t.episodes.sequences(); ++i) matrix(0, i) = amount;
    return matrix;
  }
};

/// Samples with log-probs that are off by a factor of the temperature.
struct WrongTemperature {
  PullArms inner{};
  Pulls collect(SoftmaxBandit& policy) {
    auto t = inner.collect(policy);
    for (auto& log_prob : t.log_probs) log_prob *= 0.7;
    return t;
  }
};

struct StaleWeights {
  PullArms inner{};
  Pulls collect(SoftmaxBandit& policy) {
    auto t = inner.collect(policy);
    t.versions[3] += 1;
    return t;
  }
};

/// Fails at its third backward pass.
class Failing : public SoftmaxBandit {
 public:
  using SoftmaxBandit::SoftmaxBandit;
  Failing clone() const { return *this; }

  template <grove::OutputConsumer<double> F>
  void accumulate(Pulls const& t, grove::Sequences sequences, grove::ColumnSet wanted, grove::Scope scope,
                  F&& consume) {
    if (++calls_ == 3) throw std::runtime_error("out of memory");
    SoftmaxBandit::accumulate(t, sequences, wanted, scope, consume);
  }

 private:
  int calls_ = 0;
};

}  // namespace

TEST_CASE("a bandit without a tensor library learns its best arm through the trainer of language models") {
  auto trainer = make();
  trainer.run(150);
  REQUIRE(trainer.policy().probabilities()[4] > 0.9);
}

TEST_CASE("several updates a batch learn as well and report each") {
  auto trainer = make({.schedule = {.peak = 0.02}, .epochs = 2, .minibatches = 4});
  auto const report = trainer.step();
  REQUIRE(report.updates == 8);
  trainer.run(60);
  REQUIRE(trainer.policy().probabilities()[4] > 0.8);
}

TEST_CASE("a constant reward leaves every parameter as it is") {
  auto algorithm = grove::Grpo{};
  algorithm.objective.get<grove::KlInLoss<grove::K3>>().coefficient = 0;
  grove::Trainer trainer(algorithm, SoftmaxBandit(5), PullArms{}, Pay{0.3}, {.schedule = {.peak = 0.05}});
  auto const before = trainer.policy().probabilities();
  trainer.run(5);
  REQUIRE(trainer.policy().probabilities() == before);
}

TEST_CASE("a reward that is not finite skips the step and counts it") {
  grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(5), PullArms{}, Pay{std::numeric_limits<double>::quiet_NaN()});
  auto const before = trainer.policy().probabilities();
  auto const report = trainer.step();
  REQUIRE(report.skipped == 1);
  REQUIRE(report.updates == 0);
  REQUIRE(*report.metrics.find("skipped_updates") == 1);
  REQUIRE(trainer.policy().probabilities() == before);
}

TEST_CASE("the ratio-one alarm rings before anything is updated") {
  SECTION("temperature on one side only") {
    grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(5), WrongTemperature{}, grove::EnvironmentReward{});
    REQUIRE_THROWS_AS(trainer.step(), grove::RatioAlarm);
    REQUIRE(trainer.optimizer().steps() == 0);
  }
  SECTION("the same with several updates") {
    grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(5), WrongTemperature{}, grove::EnvironmentReward{},
                           {.minibatches = 2});
    REQUIRE_THROWS_AS(trainer.step(), grove::RatioAlarm);
    REQUIRE(trainer.optimizer().steps() == 0);
  }
  SECTION("stale weights") {
    grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(5), StaleWeights{}, grove::EnvironmentReward{});
    REQUIRE_THROWS_AS(trainer.step(), grove::RatioAlarm);
  }
  SECTION("not in a healthy run") {
    auto trainer = make();
    REQUIRE_NOTHROW(trainer.run(50));
    REQUIRE(*trainer.step().metrics.find("sampling/sampling_logp_difference/max") < 1e-12);
  }
}

TEST_CASE("observers run after each step and may stop the run") {
  auto trainer = make();
  std::size_t seen = 0;
  trainer.run(
      10, [&](auto&, grove::StepReport const&) { ++seen; },
      [](auto&, grove::StepReport const& report) { return report.step == 4; });
  REQUIRE(seen == 4);
}

TEST_CASE("the gradient does not depend on how the batch is split into micro-batches") {
  auto const gradient = [](std::size_t tokens) {
    std::vector<double> result;
    grove::TrainOptions options;
    options.on_gradients = [&](std::size_t, std::span<const grove::ParameterView> parameters) {
      auto const* g = static_cast<double const*>(parameters[0].gradient);
      result.assign(g, g + parameters[0].size);
    };
    grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(5), PullArms{}, grove::EnvironmentReward{}, options,
                           grove::TokenBudget{tokens});
    trainer.step();
    return result;
  };
  auto const whole = gradient(1000), split = gradient(7);
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK(split[i] == Approx(whole[i]).epsilon(1e-12));
  CHECK(std::abs(whole[0]) > 1e-3);
}

TEST_CASE("an error in the middle of a batch leaves the state of the last completed update and says which that is") {
  grove::TrainOptions const options{.schedule = {.peak = 0.05}, .minibatches = 4};
  grove::Trainer failing(grove::Grpo{}, Failing(5), PullArms{}, grove::EnvironmentReward{}, options);
  std::string message;
  try {
    failing.step();
  } catch (grove::Error const& e) {
    message = e.what();
  }
  REQUIRE(message.find("out of memory") != message.npos);
  REQUIRE(message.find("2 of 4 updates") != message.npos);
  REQUIRE(failing.optimizer().steps() == 2);
  REQUIRE(failing.policy().version() == 2);
}
