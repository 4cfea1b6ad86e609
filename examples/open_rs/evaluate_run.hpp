// SPDX-License-Identifier: Apache-2.0
// open_rs evaluate: a model's completions of test problems, in a run folder that a later call goes on with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "grove/io/json.hpp"
#include "open_rs/command_line.hpp"
#include "open_rs/evaluate_samples.hpp"

namespace open_rs {

struct SamplingPlan {
  ModelFlags model{};
  double temperature = 0.6, top_p = 0.95;
  std::size_t max_tokens = 32768, n = 1;
  std::uint64_t seed = 0;
  std::string prompt = "open-rs";  ///< open-rs, problem, or a text with {problem} in it
  std::string system{};
};

/// The user's turn: the original's task prompt around the problem, the problem alone, or a text of one's own.
std::string user_turn(std::string const& prompt, std::string const& problem);

/// What decides a completion, as it is kept in the run folder: another plan there is an error.
grove::io::Json fingerprint(SamplingPlan const& plan);

/// Writes or compares `folder`/options.json.
void claim_folder(std::filesystem::path const& folder, grove::io::Json const& wanted);

/// Reads what a run folder has of the sets' completions and samples the rest into it; a completion depends on its
/// problem, its number, the seed and the plan alone, so that neither order nor interruption changes it. With RANK and
/// WORLD_SIZE in the environment, a process samples its share only. False: other processes' shares are not there yet.
bool sample_into(std::filesystem::path const& folder, SamplingPlan const& plan, std::vector<JudgedSet>& sets);

}  // namespace open_rs
