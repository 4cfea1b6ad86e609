// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/control/vector_env.hpp"

namespace grove::control {

/// What a policy does greedily: returns of `episodes` whole episodes, all at once side by side. Initial states depend
/// on the seed only; observations are seen as `rollout` normalises them, whose statistics and environments stay as they
/// are.
template <Environment E, class P>
std::vector<double> evaluate(P const& policy, VectorEnv<E> const& rollout, std::size_t episodes, std::uint64_t seed = 0,
                             E const& environment = {}) {
  constexpr auto size = E::observation_size;
  static_assert(E::time_limit > 0, "grove::control::evaluate: an environment without a time limit may never end.");
  std::vector<E> environments(episodes, environment);
  std::vector<double> returns(episodes);
  std::vector<std::uint8_t> ended(episodes);
  RandomStream const random({seed, Purpose::Evaluation});
  for (std::size_t e = 0; e < episodes; ++e) {
    RandomSequence numbers(random, e);
    environments[e].reset(numbers);
  }
  std::vector<float> observations(episodes * size);
  std::vector<ActionOf<E>> actions(episodes);
  std::size_t running = episodes;
  for (std::size_t step = 0; step < E::time_limit && running > 0; ++step) {
    for (std::size_t e = 0; e < episodes; ++e) environments[e].observe(std::span(observations).subspan(e * size, size));
    rollout.normalize(observations);
    policy.act_greedily(observations, actions);
    for (std::size_t e = 0; e < episodes; ++e) {
      if (ended[e]) continue;
      auto const result = environments[e].step(E::actions.clip(actions[e]));
      returns[e] += result.reward;
      ended[e] = result.terminated;
      running -= result.terminated;
    }
  }
  return returns;
}

}  // namespace grove::control
