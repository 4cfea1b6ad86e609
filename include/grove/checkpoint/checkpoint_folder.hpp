// SPDX-License-Identifier: Apache-2.0
// A checkpoint on disk: a folder `checkpoint-STEP` that is there whole or not at all.
//   state.json          format, step, composition, settings, metrics of the step
//   model.safetensors   the parameters under their own names, so that a language model's folder loads as such
//   state.safetensors   everything else
//   optimizer-00000-of-00004.safetensors, ...   what each of several ranks has of moments that they divide
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/checkpoint/settings.hpp"
#include "grove/checkpoint/state.hpp"

namespace grove {

/// What a checkpoint says of itself.
struct CheckpointInfo {
  std::uint64_t step = 0;
  std::string composition{};
  Settings settings{};
  std::vector<std::pair<std::string, double>> metrics{};
  std::size_t shards = 0;  ///< ranks that divided the moments, each with a file of its own; 0: nobody did
};

struct FoundCheckpoint {
  std::uint64_t step = 0;
  std::filesystem::path path{};
};

/// Writes `FOLDER/checkpoint-STEP`: a temporary folder, fsync of each file, rename. `beside` may put more files into
/// the folder it is given. Throws Error (full disk, unwritable folder) and then leaves everything as it was.
void write_checkpoint(std::filesystem::path const& folder, State const& state, CheckpointInfo const& info,
                      std::function<void(std::filesystem::path const&)> const& beside = {});

/// What several ranks write together: the folder that rank 0 commits when all have written their parts.
std::filesystem::path checkpoint_path(std::filesystem::path const& folder, std::uint64_t step);

/// Rank 0's part: everything but the pieces, and the description.
void write_common(std::filesystem::path const& target, State const& state, CheckpointInfo const& info,
                  std::function<void(std::filesystem::path const&)> const& beside = {});

/// The pieces of one of `ranks` ranks.
void write_pieces(std::filesystem::path const& target, State const& state, std::size_t rank, std::size_t ranks);

/// Errors name the file and what is wrong with it.
CheckpointInfo read_checkpoint_info(std::filesystem::path const& checkpoint);
State read_checkpoint_state(std::filesystem::path const& checkpoint);

/// The checkpoints of a folder, oldest first.
std::vector<FoundCheckpoint> checkpoints_in(std::filesystem::path const& folder);

/// Which checkpoints stay: the last `last` (0: all), and the best `best` by a metric.
struct Retention {
  std::size_t last = 0;
  std::size_t best = 0;
  std::string metric = "reward";
  bool greater_is_better = true;
};

/// Removes the others, each by a rename first, so that what is called checkpoint-STEP is always whole.
void remove_superseded(std::filesystem::path const& folder, Retention const& retention);

/// What `--resume` names: "off", "auto" (the newest checkpoint of `folder`, or none) or a checkpoint's folder. For a
/// run's folder, the newest in it. Clears away what killed writers left in `folder`.
std::optional<FoundCheckpoint> checkpoint_to_resume(std::string const& choice, std::filesystem::path const& folder);

/// Throws Error that names the first setting, or the composition, that is not as in the checkpoint. Those in `allowed`
/// may differ; "all" allows any.
void check_resumable(std::filesystem::path const& checkpoint, CheckpointInfo const& then, CheckpointInfo const& now,
                     std::span<const std::string> allowed);

}  // namespace grove
