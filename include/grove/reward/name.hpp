// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <span>
#include <string>
#include <string_view>

#include "grove/error.hpp"

namespace grove {

/// The name a reward is reported under: its member `name`, where it has one.
template <class R>
std::string name_of(R const& reward) {
  if constexpr (requires {
                  { reward.name } -> std::convertible_to<std::string_view>;
                })
    return std::string(std::string_view(reward.name));
  else
    return "reward";
}

namespace detail {

/// Throws Error unless a list of rewards may take one more entry: a name of its own and a finite weight.
inline void check_entry(std::string const& list, std::span<const std::string> names, std::string const& name,
                        double weight) {
  if (std::ranges::find(names, name) != names.end())
    throw Error(list, "two rewards are called " + name, "a name for each", "wrap one in Named{\"...\", reward}");
  if (!std::isfinite(weight))
    throw Error(list, "the weight of " + name + " is " + std::to_string(weight), "a finite number");
}

}  // namespace detail
}  // namespace grove
