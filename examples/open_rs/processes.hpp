// SPDX-License-Identifier: Apache-2.0
// Training on several processes: who this rank is, what all must have alike, and a launcher where there is none.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "grove/checkpoint/settings.hpp"
#include "grove/dist/process_group.hpp"
#include "grove/optim/shards.hpp"
#include "open_rs/command_line.hpp"

namespace open_rs {

/// --processes and what ranks do together.
struct ProcessFlags {
  std::size_t processes = 1;
  std::size_t deadline = 600;  ///< seconds that a rank waits for the others
  std::size_t heartbeat = 60;  ///< seconds of waiting after which it says for whom; 0: never
  std::string placement{}, zero{};

  void add_to(po::options_description& options);
  /// Those that are keys of a recipe, as key=value.
  std::vector<std::string> settings() const;
  /// Ranks of the run: a launcher's, or those of --processes.
  std::size_t ranks() const;
};

/// What a recipe's `zero` says: 0, 1 or 2. Throws Error for another number.
grove::Zero zero_level(std::size_t zero);

/// Whether this process is one that a launcher started.
bool is_launched();

/// Runs the program once for each rank and waits for all: their lines come out with the rank before them. When one
/// fails, the others end, and its exit code is returned. SIGTERM reaches all.
int launch(std::size_t processes, Arguments const& arguments);

/// The ranks that the launcher started; a single process where there is no launcher.
grove::ProcessGroup meet(ProcessFlags const& flags);

/// Threads of each rank on this machine, where none are asked for: they divide the cores.
std::size_t threads_of_rank();

/// Rank 0's text on every rank.
std::string agreed(grove::ProcessGroup& ranks, std::string text);

/// Throws Error that names the first setting that this rank has otherwise than rank 0.
void check_agreement(grove::ProcessGroup& ranks, grove::Settings const& settings);

/// f(), telling the other ranks where it throws.
template <class F>
auto as_rank(grove::ProcessGroup& ranks, F const& f) {
  try {
    return f();
  } catch (std::exception const& e) {
    ranks.fail(e.what());
    throw;
  }
}

}  // namespace open_rs
