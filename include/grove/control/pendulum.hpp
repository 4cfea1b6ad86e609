// SPDX-License-Identifier: Apache-2.0
// Pendulum-v1 of Gymnasium: swing a pendulum up with less torque than that takes at once. Never terminates.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <string_view>

#include "grove/control/environment.hpp"

namespace grove::control {

struct Pendulum {
  static constexpr std::string_view name = "Pendulum-v1";
  static constexpr std::size_t observation_size = 3;
  static constexpr std::size_t time_limit = 200;
  static constexpr Box<1> actions{{-2.0f}, {2.0f}};

  std::array<double, 2> state{};  ///< angle [rad], 0 is upright; angular velocity [rad/s]

  void reset(RandomSequence& random) {
    state[0] = detail::uniform_between(random, -std::numbers::pi, std::numbers::pi);
    state[1] = detail::uniform_between(random, -1.0, 1.0);
  }

  /// The torque's terms are in single precision, as Gymnasium's are.
  StepResult step(std::array<float, 1> const& action) {
    constexpr double dt = 0.05, max_speed = 8;
    auto& [angle, speed] = state;
    float const torque = actions.clip(action)[0];
    double const from_upright = wrapped(angle);
    double const cost =
        from_upright * from_upright + 0.1 * (speed * speed) + static_cast<double>(0.001f * (torque * torque));
    speed =
        std::clamp(speed + (15.0 * std::sin(angle) + static_cast<double>(3.0f * torque)) * dt, -max_speed, max_speed);
    angle += speed * dt;
    return {-cost, false};
  }

  void observe(std::span<float> out) const {
    out[0] = static_cast<float>(std::cos(state[0]));
    out[1] = static_cast<float>(std::sin(state[0]));
    out[2] = static_cast<float>(state[1]);
  }

 private:
  /// The same angle in [-pi, pi).
  static double wrapped(double angle) {
    constexpr double pi = std::numbers::pi;
    double const shifted = angle + pi;
    return shifted - std::floor(shifted / (2 * pi)) * (2 * pi) - pi;
  }
};
static_assert(Environment<Pendulum>);

}  // namespace grove::control
