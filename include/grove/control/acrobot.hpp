// SPDX-License-Identifier: Apache-2.0
// Acrobot-v1 of Gymnasium: two links, torque at the joint between them, swing the tip above a line (Sutton, 1996; the
// equations of Sutton and Barto's book), integrated by one Runge-Kutta step of fourth order.
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

struct Acrobot {
  static constexpr std::string_view name = "Acrobot-v1";
  static constexpr std::size_t observation_size = 6;
  static constexpr std::size_t time_limit = 500;
  static constexpr Discrete<3> actions{};

  std::array<double, 4>
      state{};  ///< angle of each link [rad], the first from hanging; angular velocity of each [rad/s]

  /// Gymnasium rounds the initial state to single precision.
  void reset(RandomSequence& random) {
    for (double& x : state) x = static_cast<float>(detail::uniform_between(random, -0.1, 0.1));
  }

  /// Actions are torques of -1, 0 and 1 N m. The reward is -1 a step, 0 for the one that reaches the line.
  StepResult step(std::uint32_t action) {
    constexpr double pi = std::numbers::pi, dt = 0.2;
    double const torque = static_cast<double>(action) - 1.0;
    auto const k1 = derivative(state, torque);
    auto const k2 = derivative(moved(state, k1, dt / 2), torque);
    auto const k3 = derivative(moved(state, k2, dt / 2), torque);
    auto const k4 = derivative(moved(state, k3, dt), torque);
    for (std::size_t i = 0; i < state.size(); ++i) state[i] += dt / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    state[0] = wrapped(state[0]);
    state[1] = wrapped(state[1]);
    state[2] = std::clamp(state[2], -4 * pi, 4 * pi);
    state[3] = std::clamp(state[3], -9 * pi, 9 * pi);
    bool const reached = -std::cos(state[0]) - std::cos(state[1] + state[0]) > 1.0;
    return {reached ? 0.0 : -1.0, reached};
  }

  void observe(std::span<float> out) const {
    out[0] = static_cast<float>(std::cos(state[0]));
    out[1] = static_cast<float>(std::sin(state[0]));
    out[2] = static_cast<float>(std::cos(state[1]));
    out[3] = static_cast<float>(std::sin(state[1]));
    out[4] = static_cast<float>(state[2]);
    out[5] = static_cast<float>(state[3]);
  }

 private:
  using State = std::array<double, 4>;

  static State moved(State s, State const& rate, double dt) {
    for (std::size_t i = 0; i < s.size(); ++i) s[i] += dt * rate[i];
    return s;
  }

  static double wrapped(double angle) {
    constexpr double pi = std::numbers::pi;
    while (angle > pi) angle -= 2 * pi;
    while (angle < -pi) angle += 2 * pi;
    return angle;
  }

  /// Both links have length 1 m, mass 1 kg, their centre of mass in the middle and a moment of inertia of 1 kg m^2.
  static State derivative(State const& s, double torque) {
    constexpr double half_pi = std::numbers::pi / 2, center = 0.5, gravity = 9.8;
    auto const& [angle1, angle2, spin1, spin2] = s;
    double const c2 = std::cos(angle2), s2 = std::sin(angle2);
    double const d1 = center * center + (1 + center * center + 2 * center * c2) + 1 + 1;
    double const d2 = (center * center + center * c2) + 1;
    double const phi2 = center * gravity * std::cos(angle1 + angle2 - half_pi);
    double const phi1 = -center * (spin2 * spin2) * s2 - 2 * center * spin2 * spin1 * s2 +
                        (center + 1) * gravity * std::cos(angle1 - half_pi) + phi2;
    double const spin_rate2 =
        (torque + d2 / d1 * phi1 - center * (spin1 * spin1) * s2 - phi2) / (center * center + 1 - d2 * d2 / d1);
    double const spin_rate1 = -(d2 * spin_rate2 + phi1) / d1;
    return {spin1, spin2, spin_rate1, spin_rate2};
  }
};
static_assert(Environment<Acrobot>);

}  // namespace grove::control
