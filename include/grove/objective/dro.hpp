// SPDX-License-Identifier: Apache-2.0
// DRO: the policy gradient with a quadratic pull towards the old policy, -(A log p - beta / 2 (log p - log p_old)^2)
// (arXiv 2405.19107, eq. 6, with the value replaced by the advantage as in verl).
#pragma once

#include <array>
#include <concepts>
#include <string_view>

#include "grove/host_device.hpp"
#include "grove/objective/surrogate.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

struct Dro {
  double beta = 1;  ///< the paper tunes it to the task; there is no published default

  static constexpr std::string_view name = "Dro";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"dro_beta", "strength of the quadratic pull towards the old policy", at_least(0)}, self.beta);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 0> operator()(T, Token<T> const& t) const {
    T const b = static_cast<T>(beta);
    T const distance = t.log_p - t.log_p_old;
    return {.loss = -t.advantage * t.log_p + b / 2 * smaller(distance * distance, T(1e30)),  // finite in float too
            .d_log_p = -t.advantage + b * distance,
            .metrics = {}};
  }
};

}  // namespace grove
