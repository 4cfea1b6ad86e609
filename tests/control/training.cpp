// SPDX-License-Identifier: Apache-2.0
// The Trainer of language models on environments: eight updates of PPO against torch (tests/oracle/control_ppo.py wrote
// the numbers), learning, and what earns what.
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/evaluate.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/reward/environment.hpp"
#include "grove/trainer.hpp"
#include "support/catch.hpp"

namespace control = grove::control;
using nlohmann::json;

namespace {

using Small = control::ActorCritic<3, control::DiagonalGaussian<2>, control::Hidden<8, 5>>;

/// Hands out given experience.
template <class P>
struct Recorded {
  typename P::Trajectories trajectories;
  static constexpr bool collects_groups = false;

  typename P::Trajectories collect(P const&) const { return trajectories; }
};

template <class T>
std::vector<T> flat(json const& rows) {
  std::vector<T> out;
  for (auto const& row : rows)
    for (auto const& x : row) out.push_back(x.get<T>());
  return out;
}

Small::Trajectories experience(json const& data) {
  Small::Trajectories t;
  for (std::size_t s = 0; s < data["lengths"].size(); ++s)
    t.episodes.add(data["lengths"][s], 0, data["truncated"][s].get<bool>());
  t.observations = flat<float>(data["observations"]);
  t.final_observations = flat<float>(data["finals"]);
  t.actions = data["actions"].get<decltype(t.actions)>();
  t.log_probs = data["log_probs"].get<std::vector<float>>();
  t.token_reward = data["rewards"].get<std::vector<float>>();
  t.versions.assign(t.episodes.tokens(), 0);
  t.reward.assign(t.episodes.sequences(), 1e6);  // for reports only: must not be earned
  for (auto const& minibatch : data["plan"]) t.plan.push_back({minibatch.get<grove::MicroBatch>()});
  return t;
}

/// Copies between a parameter and torch's row-major [outputs x inputs] form of it.
template <class F>
void for_each_element(grove::ParameterView const& p, json const& shape, F f) {
  auto* values = static_cast<float*>(p.value);
  if (shape.size() < 2 || p.shape[0] == shape[0]) {
    for (std::size_t i = 0; i < p.size; ++i) f(values[i], i);
    return;
  }
  auto const outputs = shape[0].get<std::size_t>(), inputs = shape[1].get<std::size_t>();
  REQUIRE(p.shape[0] == inputs);
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t i = 0; i < inputs; ++i) f(values[i * outputs + o], o * inputs + i);
}

grove::Ppo ppo(double gamma, double lambda) {
  grove::Ppo algorithm;
  algorithm.advantage = {.gamma = gamma, .lambda = lambda};
  auto& value = algorithm.objective.get<grove::ValueLoss<>>();
  value.coefficient = 1;
  value.clip = std::numeric_limits<double>::infinity();
  return algorithm;
}

template <class A, class B>
void check_near(A const& got, B const& expected, double tolerance) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("element " << i);
    CHECK(std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])) <= tolerance);
  }
}

}  // namespace

TEST_CASE("Eight updates of PPO are torch's") {
  auto const data = json::parse(std::ifstream(GROVE_TEST_DATA "/control/ppo.json"));
  auto algorithm = ppo(data["gamma"], data["lambda"]);
  algorithm.objective.get<grove::ValueLoss<>>() = {.coefficient = data["vf_coef"], .clip = data["value_clip"]};
  algorithm.objective.get<grove::EntropyBonus<>>().coefficient = data["ent_coef"];
  auto& clip = algorithm.objective.get<grove::PolicyGradient<grove::TokenRatio, grove::Clip>>().surrogate;
  clip.low = clip.high = data["clip"];
  Small policy;
  auto const& start = data["start"];
  for (std::size_t p = 0; p < start.size(); ++p)
    for_each_element(policy.parameters()[p], data["shapes"][p],
                     [&](float& x, std::size_t i) { x = start[p][i].get<float>(); });
  std::vector<double> norms;
  grove::TrainOptions options{.schedule = {.peak = data["rate"]},
                              .adamw = {.eps = data["eps"]},
                              .max_grad_norm = data["max_norm"],
                              .epochs = 2,
                              .minibatches = 4};
  options.on_gradients = [&](std::size_t, auto parameters) { norms.push_back(grove::gradient_norm(parameters)); };
  grove::Trainer trainer(algorithm, policy, Recorded<Small>{experience(data)}, grove::EnvironmentReward{}, options);
  auto const report = trainer.step();

  CHECK(report.updates == 8);
  check_near(trainer.last().advantage, data["advantages"].get<std::vector<double>>(), 1e-5);
  check_near(trainer.last().returns, data["returns"].get<std::vector<double>>(), 1e-5);
  double loss = 0, clipped = 0;
  REQUIRE(norms.size() == 8);
  for (std::size_t u = 0; u < 8; ++u) {
    INFO("update " << u);
    CHECK(norms[u] == Approx(data["updates"][u]["norm"].get<double>()).epsilon(1e-4));
    loss += data["updates"][u]["loss"].get<double>() / 8;
    clipped += data["updates"][u]["clipped"].get<double>();
  }
  CHECK(clipped > 0.5);
  CHECK(*report.metrics.find("loss") == Approx(loss).epsilon(1e-4));
  auto const parameters = trainer.policy().parameters();
  double moved = 0;
  for (std::size_t p = 0; p < start.size(); ++p) {
    INFO(parameters[p].name);
    for_each_element(parameters[p], data["shapes"][p], [&](float x, std::size_t i) {
      CHECK(std::abs(static_cast<double>(x) - data["final"][p][i].get<double>()) <= 2e-5);
      moved = std::max(moved, std::abs(static_cast<double>(x) - start[p][i].get<double>()));
    });
  }
  CHECK(moved > 0.03);
}

TEST_CASE("PPO balances the pole") {
  using Policy = control::ActorCriticFor<control::CartPole>;
  control::VectorEnv<control::CartPole> rollout({.environments = 8, .steps = 32, .seed = 1});
  auto const before = rollout;
  constexpr std::size_t steps = 391;  // 100,000 of the environments
  grove::TrainOptions const options{
      .schedule = {.peak = 1e-3, .decay = grove::Schedule::Decay::Linear, .total = 20 * steps},
      .adamw = {.eps = 1e-5},
      .max_grad_norm = 0.5,
      .epochs = 20};
  grove::Trainer trainer(ppo(0.98, 0.8), Policy({.seed = 1}), rollout, grove::EnvironmentReward{}, options,
                         grove::TokenBudget{256});
  auto const mean = [&] {
    auto const returns = control::evaluate(trainer.policy(), trainer.rollout(), 20);
    return std::accumulate(returns.begin(), returns.end(), 0.0) / 20;
  };
  CHECK(mean() < 120);
  grove::StepReport last;
  trainer.run(steps, [&](auto&, grove::StepReport const& report) { last = report; });
  CHECK(mean() >= 475);
  CHECK(*last.metrics.find("rollout/ep_rew_mean") > 100);
  CHECK(*last.metrics.find("rollout/episodes") == static_cast<double>(trainer.rollout().episodes()));

  SECTION("and does the same again") {
    grove::Trainer again(ppo(0.98, 0.8), Policy({.seed = 1}), before, grove::EnvironmentReward{}, options,
                         grove::TokenBudget{256});
    again.run(steps);
    auto const a = trainer.policy().parameters(), b = again.policy().parameters();
    for (std::size_t p = 0; p < a.size(); ++p)
      CHECK(std::equal(static_cast<float const*>(a[p].value), static_cast<float const*>(a[p].value) + a[p].size,
                       static_cast<float const*>(b[p].value)));
  }
}

TEST_CASE("Micro-batches change no update") {
  using Policy = control::ActorCriticFor<control::CartPole>;
  auto const parameters = [](std::size_t tokens) {
    grove::Trainer trainer(ppo(0.99, 0.95), Policy({.seed = 1}),
                           control::VectorEnv<control::CartPole>({.environments = 4, .steps = 64}),
                           grove::EnvironmentReward{}, {.schedule = {.peak = 1e-3}, .epochs = 2, .minibatches = 2},
                           grove::TokenBudget{tokens});
    trainer.step();
    std::vector<double> all;
    for (auto const& p : trainer.policy().parameters()) {
      auto const* v = static_cast<float const*>(p.value);
      all.insert(all.end(), v, v + p.size);
    }
    return all;
  };
  check_near(parameters(128), parameters(37), 2e-5);
}
