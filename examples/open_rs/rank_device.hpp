// SPDX-License-Identifier: Apache-2.0
// Which GPU a process of a machine has.
#pragma once

#include <cstddef>
#include <string>

namespace open_rs {

/// What CUDA_VISIBLE_DEVICES says for a rank of this machine: one of its devices, in turn. `visible` is what the
/// variable says now, empty where it is not set. Empty where there are fewer than two devices.
std::string device_of_rank(std::size_t rank, std::size_t devices, std::string const& visible);

}  // namespace open_rs
