// SPDX-License-Identifier: Apache-2.0
// PPO on environments of Gymnasium, with the Trainer, Gae and Clip that language models are trained with.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/control/acrobot.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/evaluate.hpp"
#include "grove/control/mountain_car_continuous.hpp"
#include "grove/control/pendulum.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/error.hpp"
#include "grove/reward/environment.hpp"
#include "learning_curve.hpp"
#include "settings.hpp"

namespace control_example {
namespace {

namespace control = grove::control;
using Clock = std::chrono::steady_clock;

grove::Ppo algorithm_of(Settings const& s) {
  grove::Ppo ppo;
  ppo.advantage = {.gamma = s.gamma, .lambda = s.lambda};
  auto& clip = ppo.objective.get<grove::PolicyGradient<grove::TokenRatio, grove::Clip>>().surrogate;
  clip.low = clip.high = s.clip;
  auto& value = ppo.objective.get<grove::ValueLoss<>>();
  value.coefficient = 2 * s.value_coefficient;  // of half the squared error
  value.clip = std::numeric_limits<double>::infinity();
  ppo.objective.get<grove::EntropyBonus<>>().coefficient = s.entropy_coefficient;
  return ppo;
}

std::size_t collections_of(Settings const& s) {
  auto const each = s.environments * s.horizon;
  return (s.steps + each - 1) / each;
}

grove::TrainOptions train_options_of(Settings const& s) {
  auto const minibatches = std::max<std::size_t>(1, s.environments * s.horizon / s.minibatch);
  return {.schedule = {.peak = s.learning_rate,
                       .decay = s.decay ? grove::Schedule::Decay::Linear : grove::Schedule::Decay::Constant,
                       .total = collections_of(s) * s.epochs * minibatches},
          .adamw = {.eps = 1e-5},
          .max_grad_norm = s.max_gradient_norm,
          .epochs = s.epochs,
          .minibatches = minibatches,
          .seed = s.seed};
}

double mean(std::vector<double> const& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// One line, written over on a terminal.
class ProgressLine {
 public:
  /// `steps` of all collections together: the last is not cut where --steps lies inside it.
  explicit ProgressLine(std::size_t steps) : steps_(steps), terminal_(isatty(STDERR_FILENO) != 0) {}

  void show(std::size_t done, double training, double evaluated, double seconds) const {
    std::fprintf(stderr, "%s%zu/%zu environment steps  return %.1f exploring, %.1f greedy  %.0f steps/s%s",
                 terminal_ ? "\r\x1b[K" : "", done, steps_, training, evaluated, static_cast<double>(done) / seconds,
                 terminal_ && done < steps_ ? "" : "\n");
  }

 private:
  std::size_t steps_;
  bool terminal_;
};

template <control::Environment E>
int train(Settings const& s) {
  using Policy = control::ActorCriticFor<E>;
  control::VectorEnv<E> rollout({.environments = s.environments,
                                 .steps = s.horizon,
                                 .seed = s.seed,
                                 .normalize_observations = s.normalize,
                                 .normalize_rewards = s.normalize,
                                 .gamma = s.gamma});
  grove::Trainer trainer(algorithm_of(s), Policy({.seed = s.seed, .log_deviation = s.log_deviation}),
                         std::move(rollout), grove::EnvironmentReward{}, train_options_of(s),
                         grove::TokenBudget{std::numeric_limits<std::size_t>::max()});
  auto const collections = collections_of(s);
  auto const every = s.evaluate_every > 0 ? s.evaluate_every : std::max<std::size_t>(1, collections / 20);
  LearningCurve curve{.title = s.environment + ", seed " + std::to_string(s.seed), .solved = s.solved};
  ProgressLine const line(collections * s.environments * s.horizon);
  double training_seconds = 0;
  auto resumed = Clock::now();
  trainer.run(collections, [&](auto& t, grove::StepReport const& report) {
    if (report.step % every != 0 && report.step != collections) return;
    training_seconds += std::chrono::duration<double>(Clock::now() - resumed).count();
    auto const done = report.step * s.environments * s.horizon;
    double explored = std::numeric_limits<double>::quiet_NaN();
    if (auto const at = report.metrics.find("rollout/ep_rew_mean")) {
      explored = *at;
      curve.training.push_back({done, explored});
    }
    double const greedy = mean(control::evaluate(t.policy(), t.rollout(), s.evaluation_episodes, s.seed));
    curve.evaluation.push_back({done, greedy});
    line.show(done, explored, greedy, training_seconds);
    resumed = Clock::now();
  });
  write(curve, s.out);
  // Episodes that no evaluation on the way has seen.
  double const final_return =
      mean(control::evaluate(trainer.policy(), trainer.rollout(), s.evaluation_episodes, s.seed + 1'000'000));
  std::cout << std::fixed << std::setprecision(1) << "mean return over " << s.evaluation_episodes << " episodes "
            << final_return << (final_return >= s.solved ? "  solved" : "  not solved") << " (" << s.solved << ")\n"
            << "training time " << training_seconds << " s\n"
            << "learning curve " << (s.out / "learning_curve.svg").string() << '\n';
  return 0;
}

int run(std::vector<std::string> const& arguments) {
  auto const settings = parse_settings(arguments);
  if (!settings) return 0;
  if (settings->environment == control::CartPole::name) return train<control::CartPole>(*settings);
  if (settings->environment == control::Pendulum::name) return train<control::Pendulum>(*settings);
  if (settings->environment == control::Acrobot::name) return train<control::Acrobot>(*settings);
  return train<control::MountainCarContinuous>(*settings);
}

}  // namespace
}  // namespace control_example

int main(int argc, char** argv) {
  try {
    return control_example::run({argv + 1, argv + argc});
  } catch (grove::Error const& e) {
    std::cerr << "control: " << e.what() << '\n';
    return 2;
  } catch (std::exception const& e) {
    std::cerr << "control: unforeseen: " << e.what() << '\n';
    return 1;
  }
}
