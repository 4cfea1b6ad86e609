// SPDX-License-Identifier: Apache-2.0
// CartPole-v1 of Gymnasium: a pole on a cart that is pushed left or right (Barto, Sutton, Anderson, "Neuronlike
// adaptive elements that can solve difficult learning control problems", 1983; the corrected equations of Florian,
// 2007).
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <string_view>

#include "grove/control/environment.hpp"

namespace grove::control {

struct CartPole {
  static constexpr std::string_view name = "CartPole-v1";
  static constexpr std::size_t observation_size = 4;
  static constexpr std::size_t time_limit = 500;
  static constexpr Discrete<2> actions{};

  std::array<double, 4> state{};  ///< position [m], velocity [m/s], angle [rad], angular velocity [rad/s]

  void reset(RandomSequence& random) {
    for (double& x : state) x = detail::uniform_between(random, -0.05, 0.05);
  }

  /// Action 1 pushes right, 0 left. The reward is 1 a step, the last one included.
  StepResult step(std::uint32_t action) {
    constexpr double gravity = 9.8, pole_mass = 0.1, total_mass = 1.1, half_length = 0.5, force = 10, dt = 0.02;
    constexpr double pole_moment = pole_mass * half_length;
    constexpr double max_angle = 12 * 2 * std::numbers::pi / 360, max_position = 2.4;
    auto& [x, v, angle, spin] = state;
    double const c = std::cos(angle), s = std::sin(angle);
    double const push = ((action == 1 ? force : -force) + pole_moment * (spin * spin) * s) / total_mass;
    double const spin_rate = (gravity * s - c * push) / (half_length * (4.0 / 3.0 - pole_mass * (c * c) / total_mass));
    double const acceleration = push - pole_moment * spin_rate * c / total_mass;
    x += dt * v;
    v += dt * acceleration;
    angle += dt * spin;
    spin += dt * spin_rate;
    return {1.0, x < -max_position || x > max_position || angle < -max_angle || angle > max_angle};
  }

  void observe(std::span<float> out) const {
    for (std::size_t i = 0; i < state.size(); ++i) out[i] = static_cast<float>(state[i]);
  }
};
static_assert(Environment<CartPole>);

}  // namespace grove::control
