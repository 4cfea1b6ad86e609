// SPDX-License-Identifier: Apache-2.0
#include "open_rs/rank_device.hpp"

#include "open_rs/command_line.hpp"

namespace open_rs {

std::string device_of_rank(std::size_t rank, std::size_t devices, std::string const& visible) {
  if (devices < 2) return "";
  auto const number = rank % devices;
  auto const names = comma_list(visible);
  return number < names.size() ? names[number] : std::to_string(number);
}

}  // namespace open_rs
