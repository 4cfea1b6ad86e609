// SPDX-License-Identifier: Apache-2.0
// What a plan knows of accelerators. Figures are the makers' data sheets; memory is what a process sees of it.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "grove/error.hpp"

namespace grove::plan {

struct Gpu {
  std::string_view name{};
  double memory = 0;      ///< bytes
  double bandwidth = 0;   ///< bytes / s of its memory
  double operations = 0;  ///< bf16 matrix operations / s, dense
  double link = 0;        ///< bytes / s to its neighbours, one direction
  double dollars = 0;     ///< an hour's rent; market prices move, so it is an option of the command
};

inline constexpr double gib = 1024.0 * 1024.0 * 1024.0;

inline constexpr std::array<Gpu, 7> gpus = {{
    {"A40", 44.34 * gib, 696e9, 149.7e12, 25e9, 0.44},
    {"RTX4090", 23.6 * gib, 1008e9, 165.2e12, 25e9, 0.5},
    {"L40S", 44.5 * gib, 864e9, 362e12, 25e9, 0.9},
    {"A100-40", 39.4 * gib, 1555e9, 312e12, 300e9, 1.3},
    {"A100-80", 79.2 * gib, 2039e9, 312e12, 300e9, 1.7},
    {"H100", 79.1 * gib, 3350e9, 989e12, 450e9, 2.5},
    {"H200", 139.8 * gib, 4800e9, 989e12, 450e9, 3.5},
}};

struct Machine {
  std::size_t count = 0;
  Gpu gpu{};
};

/// "4xA40" as a machine. Throws Error for anything else, with the names it knows.
inline Machine parse_machine(std::string_view text) {
  std::size_t count = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  auto const rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc() && count > 0 && rest.starts_with('x')) {
    for (auto const& gpu : gpus)
      if (gpu.name == rest.substr(1)) return {count, gpu};
  }
  std::string names;
  for (auto const& gpu : gpus) names.append(names.empty() ? "" : ", ").append(gpu.name);
  throw Error("gpus", "is '" + std::string(text) + "'", "COUNTxNAME, as 4xA40", "names: " + names);
}

}  // namespace grove::plan
