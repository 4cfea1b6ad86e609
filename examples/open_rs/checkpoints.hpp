// SPDX-License-Identifier: Apache-2.0
// Checkpoints of a training program, and taking up a run that was cut off.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "grove/checkpoint/checkpoint.hpp"
#include "grove/checkpoint/settings.hpp"
#include "grove/parameter.hpp"
#include "open_rs/checkpoint_keys.hpp"

namespace open_rs {

/// A run's place on disk and what may be resumed there.
struct RunPlace {
  std::filesystem::path folder{};  ///< of the run
  std::filesystem::path model{};   ///< start model, whose tokenizer files a checkpoint carries, too
  grove::Dtype dtype = grove::Dtype::F32;
  std::string resume = "off";          ///< auto, off, or a checkpoint's or run's folder
  std::vector<std::string> allowed{};  ///< settings that may differ from the checkpoint's
  grove::Settings settings{};          ///< those that change results; empty: the trainer's own
};

/// --resume and --resume-allow.
struct ResumeFlags {
  std::string resume{};
  std::string allowed{};

  void add_to(boost::program_options::options_description& options);
  std::vector<std::string> names() const;
};

/// From now on SIGTERM ends the run at the next step's border, with a checkpoint; a second one ends it at once. A file
/// that grows beyond the system's limit is an error instead of a signal.
void catch_signals();
bool asked_to_stop();

/// The checkpoint to go on from, or none: then the run begins anew. Throws Error where that would mix two runs.
std::optional<grove::FoundCheckpoint> checkpoint_of(RunPlace const& place);

/// Forgets what the run's folder says of later steps.
void cut_after(std::filesystem::path const& folder, std::uint64_t step);

grove::CheckpointOptions checkpoint_options(RunPlace const& place, CheckpointKeys const& keys);

/// A number that another file has only by chance, as text.
std::string fingerprint_of_file(std::filesystem::path const& file);

/// Takes up the run of `place`; returns the step that it stands at.
template <class Trainer>
std::uint64_t take_up(Trainer& trainer, RunPlace const& place) {
  auto& ranks = trainer.communicator();
  // Rank 0 clears away what killed writers left before the others look.
  auto found = ranks.rank() == 0 ? checkpoint_of(place) : std::nullopt;
  double there = 1;
  ranks.all_reduce_sum(std::span(&there, 1));
  if (ranks.rank() != 0) found = checkpoint_of(place);
  if (found) grove::resume(trainer, found->path, place.settings, place.allowed);
  auto const step = found ? found->step : 0;
  auto sum = static_cast<double>(step);
  ranks.all_reduce_sum(std::span(&sum, 1));
  if (sum != static_cast<double>(step * ranks.size()))
    throw grove::Error("--resume",
                       "rank " + std::to_string(ranks.rank()) + " goes on from step " + std::to_string(step),
                       "the same step on all ranks", "keep the run's folder where all of them see it");
  if (ranks.rank() == 0) cut_after(place.folder, step);
  return step;
}

}  // namespace open_rs
