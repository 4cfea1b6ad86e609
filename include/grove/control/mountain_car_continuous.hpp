// SPDX-License-Identifier: Apache-2.0
// MountainCarContinuous-v0 of Gymnasium: an engine too weak for the hill (Moore, "Efficient memory-based learning for
// robot control", 1990).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include "grove/control/environment.hpp"

namespace grove::control {

struct MountainCarContinuous {
  static constexpr std::string_view name = "MountainCarContinuous-v0";
  static constexpr std::size_t observation_size = 2;
  static constexpr std::size_t time_limit = 999;
  static constexpr Box<1> actions{{-1.0f}, {1.0f}};

  std::array<double, 2> state{};  ///< position, velocity
  bool fresh = true;              ///< no step since the reset

  void reset(RandomSequence& random) {
    state = {detail::uniform_between(random, -0.6, -0.4), 0.0};
    fresh = true;
  }

  /// The goal pays 100; each step costs a tenth of the action's square, of the action as it came. Gymnasium keeps the
  /// state in single precision from the first step on, and so does the arithmetic here.
  StepResult step(std::array<float, 1> const& action) {
    bool const reached = fresh ? advance<double>(action) : advance<float>(action);
    fresh = false;
    auto const effort = static_cast<double>(action[0]);
    return {(reached ? 100.0 : 0.0) - effort * effort * 0.1, reached};
  }

  void observe(std::span<float> out) const {
    out[0] = static_cast<float>(state[0]);
    out[1] = static_cast<float>(state[1]);
  }

 private:
  template <class Real>
  bool advance(std::array<float, 1> const& action) {
    constexpr auto min_position = Real(-1.2), max_position = Real(0.6), max_speed = Real(0.07);
    auto position = static_cast<Real>(state[0]), velocity = static_cast<Real>(state[1]);
    auto const push = static_cast<Real>(actions.clip(action)[0] * 0.0015f);
    velocity += push - static_cast<Real>(0.0025 * std::cos(static_cast<double>(Real(3) * position)));
    velocity = std::clamp(velocity, -max_speed, max_speed);
    position = std::clamp(position + velocity, min_position, max_position);
    if (position == min_position && velocity < 0) velocity = 0;
    state = {static_cast<float>(position), static_cast<float>(velocity)};
    return position >= Real(0.45) && velocity >= 0;
  }
};
static_assert(Environment<MountainCarContinuous>);

}  // namespace grove::control
