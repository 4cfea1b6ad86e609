// SPDX-License-Identifier: Apache-2.0
// SAPO's surrogate: a soft gate instead of a clip, -4 / tau sigmoid(tau (r - 1)) A, with a temperature for each sign of
// the advantage (arXiv 2511.20347, eq. 5 and 6). Its slope at r = 1 is that of the plain surrogate.
#pragma once

#include <array>
#include <concepts>
#include <string_view>

#include "grove/host_device.hpp"
#include "grove/objective/surrogate.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

struct SoftGate {
  double tau_positive = 1.0;
  double tau_negative = 1.05;

  static constexpr std::string_view name = "SoftGate";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"sapo_temperature_pos", "steepness of the gate for positive advantages", above(0)}, self.tau_positive);
    visit(Option{"sapo_temperature_neg", "and for the others", above(0)}, self.tau_negative);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 0> operator()(T ratio, Token<T> const& t) const {
    T const tau = static_cast<T>(t.advantage > 0 ? tau_positive : tau_negative);
    T const gate = T(1) / (T(1) + exponential(-tau * (ratio - T(1))));
    return {.loss = -(T(4) / tau) * gate * t.advantage,
            .d_ratio = -T(4) * gate * (T(1) - gate) * t.advantage,
            .metrics = {}};
  }
};

}  // namespace grove
