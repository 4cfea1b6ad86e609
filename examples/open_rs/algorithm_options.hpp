// SPDX-License-Identifier: Apache-2.0
// An algorithm from the command line: its name, and its numbers as key=value.
#pragma once

#include <string>
#include <vector>

#include "grove/any_algorithm.hpp"
#include "open_rs/command_line.hpp"
#include "open_rs/objective_batch.hpp"

namespace open_rs {

/// The algorithm of that name (or "trl") with its settings. Keys of the run rather than of the algorithm go into
/// `options`. `defaults` are settings that come first, and only where the algorithm has their key. Throws Error for a
/// setting whose key does nothing here.
grove::AnyAlgorithm algorithm_of(std::string const& name, std::vector<std::string> const& settings,
                                 ObjectiveOptions& options, std::vector<std::string> const& defaults = {});

/// For --help: all algorithms, and the keys of one of them with their values.
std::string algorithm_table(std::string const& name);

/// The value of --algorithm in arguments that were not parsed yet.
std::string name_in(Arguments const& arguments, std::string const& otherwise);

}  // namespace open_rs
