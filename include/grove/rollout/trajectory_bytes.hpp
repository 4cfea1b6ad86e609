// SPDX-License-Identifier: Apache-2.0
// Trajectories on their way from the rank that sampled them to those that train.
#pragma once

#include <string>
#include <string_view>

#include "grove/rollout/token_trajectories.hpp"

namespace grove {

/// All of them but what a replay adds, as bytes for a process of the same program.
std::string to_bytes(TokenTrajectories const& t);

/// The inverse. Throws Error where the bytes end too early.
TokenTrajectories from_bytes(std::string_view bytes);

}  // namespace grove
