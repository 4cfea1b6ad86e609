// SPDX-License-Identifier: Apache-2.0
// An environment of one's own, as docs/control.md shows it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "grove/algorithms.hpp"
#include "grove/control/actor_critic.hpp"
#include "grove/control/evaluate.hpp"
#include "grove/control/vector_env.hpp"
#include "grove/reward/environment.hpp"
#include "support/catch.hpp"

namespace control = grove::control;

struct Corridor {
  static constexpr std::string_view name = "Corridor";
  static constexpr std::size_t observation_size = 1;
  static constexpr std::size_t time_limit = 50;
  static constexpr control::Discrete<2> actions{};  // Box<N>{low, high} for N numbers

  int place = 0;

  void reset(grove::RandomSequence& random) { place = static_cast<int>(random.below(5)); }
  control::StepResult step(std::uint32_t action) {
    place = std::max(0, place + (action == 1 ? 1 : -1));
    bool const arrived = place == 10;
    return {.reward = arrived ? 1.0 : -0.1, .terminated = arrived};
  }
  void observe(std::span<float> out) const { out[0] = static_cast<float>(place) / 10; }
};
static_assert(control::Environment<Corridor>);

TEST_CASE("An environment of one's own trains") {
  control::VectorEnv<Corridor> rollout({.environments = 4, .steps = 64});
  grove::Ppo ppo;
  ppo.advantage.gamma = 0.99;
  grove::Trainer trainer(ppo, control::ActorCriticFor<Corridor>(), rollout, grove::EnvironmentReward{},
                         {.schedule = {.peak = 1e-3}, .epochs = 4, .minibatches = 4});
  trainer.run(40);
  for (double value : control::evaluate(trainer.policy(), trainer.rollout(), 10)) CHECK(value > -0.01);
}
