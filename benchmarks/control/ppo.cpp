// SPDX-License-Identifier: Apache-2.0
// Whole PPO runs on Pendulum: environments, normalisation, networks, estimator, objective, optimizer. The shapes are
// those of RLtools' own example and of Stable-Baselines3 in shared/oracles/sb3_ppo.py; ppo_peers.py sets them beside
// each other. items_per_second are environment steps; `return` is the mean return of 100 greedy episodes at the end.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <limits>
#include <numeric>

#include "grove/algorithms.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/evaluate.hpp"
#include "grove/control/pendulum.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/reward/environment.hpp"

namespace {

namespace control = grove::control;
struct Shape {
  std::size_t environments, horizon, minibatch, epochs, steps;
  bool normalize;
};

template <class Activation>
double train(Shape const& shape, std::uint64_t seed) {
  grove::Ppo ppo;
  ppo.advantage = {.gamma = 0.9, .lambda = 0.95, .threads = 1};
  ppo.objective.get<grove::ValueLoss<>>().coefficient = 1;
  ppo.objective.get<grove::ValueLoss<>>().clip = std::numeric_limits<double>::infinity();
  auto const collected = shape.environments * shape.horizon;
  control::VectorEnv<control::Pendulum> rollout({.environments = shape.environments,
                                                 .steps = shape.horizon,
                                                 .seed = seed,
                                                 .normalize_observations = shape.normalize});
  using Policy = control::ActorCriticFor<control::Pendulum, control::Hidden<64, 64>, Activation>;
  grove::Trainer trainer(ppo, Policy({.seed = seed}), std::move(rollout), grove::EnvironmentReward{},
                         {.schedule = {.peak = 1e-3},
                          .adamw = {.eps = 1e-5},
                          .max_grad_norm = 0.5,
                          .epochs = shape.epochs,
                          .minibatches = collected / shape.minibatch,
                          .seed = seed},
                         grove::TokenBudget{shape.minibatch});
  trainer.run((shape.steps + collected - 1) / collected);
  auto const returns = control::evaluate(trainer.policy(), trainer.rollout(), 100);
  return std::accumulate(returns.begin(), returns.end(), 0.0) / 100;
}

template <class Activation>
void measure(benchmark::State& state, Shape const& shape) {
  double reached = 0;
  std::uint64_t seed = 0;
  for (auto _ : state) reached += train<Activation>(shape, ++seed);
  auto const collected = shape.environments * shape.horizon;
  auto const steps = (shape.steps + collected - 1) / collected * collected;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(steps));
  state.counters["return"] = reached / static_cast<double>(state.iterations());
}

/// RLtools' src/rl/environments/pendulum/ppo/cpu.
void ppo_pendulum_rltools(benchmark::State& state) {
  measure<control::Relu>(
      state, {.environments = 4, .horizon = 1024, .minibatch = 256, .epochs = 2, .steps = 300'000, .normalize = true});
}
BENCHMARK(ppo_pendulum_rltools)->Unit(benchmark::kMillisecond)->UseRealTime();

/// shared/oracles/sb3_ppo.py.
void ppo_pendulum_sb3(benchmark::State& state) {
  measure<control::Tanh>(
      state, {.environments = 8, .horizon = 128, .minibatch = 256, .epochs = 4, .steps = 100'000, .normalize = false});
}
BENCHMARK(ppo_pendulum_sb3)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
