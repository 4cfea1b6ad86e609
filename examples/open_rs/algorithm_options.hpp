// SPDX-License-Identifier: Apache-2.0
// An algorithm from the command line: its name, and its numbers as key=value.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grove/any_algorithm.hpp"
#include "open_rs/command_line.hpp"
#include "open_rs/objective_batch.hpp"

namespace open_rs {

/// "trl" in any case.
bool is_trl(std::string_view name);

/// What a command says of the algorithms it offers.
struct AlgorithmSource {
  std::string name{};
  std::vector<std::string> settings{};  ///< key=value each; of a key given twice the last counts
  std::vector<std::string> defaults{};  ///< come first, and only where the algorithm has their key
  /// Keys that belong to the run rather than to the algorithm, of those that ObjectiveOptions has.
  std::vector<std::string_view> run_keys{"reward_weights", "mask_truncated_completions", "seed"};
};

/// The algorithm of that name (or "trl") with its settings. Keys of the run go into `options`. Throws Error for a
/// setting whose key does nothing here, with all that do, and for a number outside its range.
grove::AnyAlgorithm algorithm_of(AlgorithmSource const& source, ObjectiveOptions& options);

/// For --help: all algorithms, and the keys of the chosen one with their values.
std::string algorithm_table(AlgorithmSource const& source);

/// The values of an option in arguments that were not parsed yet.
std::vector<std::string> values_in(Arguments const& arguments, std::string_view option);

/// The last value of --algorithm in arguments that were not parsed yet.
std::string name_in(Arguments const& arguments, std::string const& otherwise);

}  // namespace open_rs
