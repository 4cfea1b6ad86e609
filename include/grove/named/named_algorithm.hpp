// SPDX-License-Identifier: Apache-2.0
// Every alias of algorithms.hpp by name, for command lines; compiled once.
#pragma once

#include <span>
#include <string_view>

#include "grove/any_algorithm.hpp"

namespace grove {

struct NamedAlgorithm {
  std::string_view name{};   ///< the alias in snake_case: "dr_grpo"
  std::string_view about{};  ///< one line for --help
  AnyAlgorithm (*make)() = nullptr;
};

/// All of them, in the order of algorithms.hpp.
std::span<NamedAlgorithm const> named_algorithms();

/// The algorithm of that name, with its defaults; in any case, with hyphens ("Dr-GRPO") and in the C++ spelling
/// ("DrGrpo") as well. Throws Error that lists the names and says which is nearest.
AnyAlgorithm algorithm_named(std::string_view name);

/// The value of an option as a command line has it. Throws Error with the option's name.
double option_number(std::string_view key, std::string_view text);
/// true, True and 1, or false, False and 0.
bool option_flag(std::string_view key, std::string_view text);

/// Sets an option of the algorithm. Options that follow it and were not set move along. Throws Error for a key that
/// this algorithm does not have, naming those it has, and for a value outside its range. `set` are the keys given so
/// far.
void set_option(AnyAlgorithm& algorithm, std::string_view key, std::string_view value,
                std::span<std::string_view const> set = {});

}  // namespace grove
