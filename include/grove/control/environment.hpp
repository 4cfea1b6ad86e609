// SPDX-License-Identifier: Apache-2.0
// What an environment must be able to do. Sizes are part of its type, so that networks and buffers have fixed sizes.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "grove/random.hpp"

namespace grove::control {

/// One of N choices, numbered from 0.
template <std::size_t N>
struct Discrete {
  using Action = std::uint32_t;
  static constexpr std::size_t size = N;

  static constexpr Action clip(Action action) { return action; }
};

/// N numbers, each between its bounds. A policy's distribution is of unbounded numbers; the environment gets the
/// clipped ones, as in Stable-Baselines3.
template <std::size_t N>
struct Box {
  using Action = std::array<float, N>;
  static constexpr std::size_t size = N;

  Action low{};
  Action high{};

  constexpr Action clip(Action action) const {
    for (std::size_t i = 0; i < N; ++i) action[i] = std::clamp(action[i], low[i], high[i]);
    return action;
  }
};

/// What one step of an environment answers. Time limits are not the environment's: `VectorEnv` keeps them.
struct StepResult {
  double reward = 0;
  bool terminated = false;  ///< the episode is over for good: no value follows
};

/// The type of an environment's `actions`.
template <class E>
using ActionsOf = std::remove_const_t<decltype(E::actions)>;

template <class E>
using ActionOf = typename ActionsOf<E>::Action;

/// One Markov decision process with its present state.
///   name, observation_size, time_limit     Gymnasium's id; numbers in an observation; steps until truncation, 0: never
///   actions                                Discrete<N> or Box<N>
///   reset(random)                          draws an initial state
///   step(action)                           moves on
///   observe(out)                           writes the observation of the present state
template <class E>
concept Environment = std::copyable<E> &&
    requires(E& e, E const& c, RandomSequence& random, ActionOf<E> const& action, std::span<float> out) {
  { E::name } -> std::convertible_to<std::string_view>;
  { E::observation_size } -> std::convertible_to<std::size_t>;
  { E::time_limit } -> std::convertible_to<std::size_t>;
  { E::actions.clip(action) } -> std::same_as<ActionOf<E>>;
  { e.reset(random) } -> std::same_as<void>;
  { e.step(action) } -> std::same_as<StepResult>;
  { c.observe(out) } -> std::same_as<void>;
};

namespace detail {

/// Uniform in [low, high), as numpy's Generator.uniform.
inline double uniform_between(RandomSequence& random, double low, double high) {
  return low + (high - low) * random.uniform();
}

}  // namespace detail

}  // namespace grove::control
