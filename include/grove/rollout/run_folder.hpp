// SPDX-License-Identifier: Apache-2.0
// What a training run leaves on disk: metrics and completions as JSON lines, and models that transformers loads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "grove/metrics.hpp"
#include "grove/metrics/jsonl_writer.hpp"
#include "grove/metrics/tensorboard.hpp"
#include "grove/optim/collectives.hpp"
#include "grove/reward_matrix.hpp"
#include "grove/rollout/recording.hpp"
#include "grove/rollout/token_trajectories.hpp"
#include "grove/train_options.hpp"
#include "grove/trainer.hpp"

namespace grove {

namespace detail {

/// A folder that holds what `save` writes and the tokenizer files of `source`, or does not appear.
void save_folder(std::filesystem::path const& source, std::filesystem::path const& target,
                 std::function<void(std::filesystem::path const&)> const& save);

}  // namespace detail

/// Writes a model in Hugging Face form: its weights and configuration (a critic's beside them), and the tokenizer files
/// of the folder it came from. The folder appears whole or not at all.
template <class P>
void save_model(P const& policy, std::filesystem::path const& source, std::filesystem::path const& target) {
  detail::save_folder(source, target, [&](std::filesystem::path const& folder) { policy.save(folder); });
}

/// Copies the tokenizer files of one folder into another.
void copy_tokenizer(std::filesystem::path const& source, std::filesystem::path const& target);

/// A hook for `TrainOptions::on_gradients` that writes each optimizer step's gradient before clipping as
/// `FOLDER/update-000001.safetensors`, under the parameters' Hugging Face names, in f32.
std::function<void(std::size_t, std::span<const ParameterView>)> dump_gradients_to(std::filesystem::path const& folder);

/// Appends one line a step to `metrics.jsonl`, the same numbers to a TensorBoard event file, and one line a completion
/// to `completions.jsonl`. An observer for `Trainer::run`; completions are left out when `completions` is false.
class RunLog {
 public:
  /// Makes the folder. With `last_step`, lines of later steps are cut off: a resumed run writes those again. Throws
  /// Error where the folder cannot be written.
  explicit RunLog(std::filesystem::path folder, bool completions = true,
                  std::optional<std::uint64_t> last_step = std::nullopt);

  template <class T>
  void operator()(T& trainer, StepReport const& report) {
    write_metrics(report);
    if (!completions_file_) return;
    auto const& batch = trainer.last();
    write_completions(report.step, batch.trajectories, batch.rewards, batch.advantage);
  }

  /// A report that belongs to no batch, as that of an evaluation before the first step.
  void write_metrics(StepReport const& report);

  std::filesystem::path const& folder() const { return folder_; }

 private:
  void write_completions(std::uint64_t step, TokenTrajectories const& t, RewardMatrix const& rewards,
                         std::span<const float> advantage);

  std::filesystem::path folder_;
  metrics::JsonlWriter metrics_file_;
  metrics::TensorBoardWriter events_;
  std::optional<metrics::JsonlWriter> completions_file_;
};

/// Records every batch into a folder for `Replay`; an observer for `Trainer::run`. Rank 0 writes what all have.
struct Recorder {
  std::filesystem::path folder;

  template <class T>
  void operator()(T& trainer, StepReport const& report) {
    auto const& batch = trainer.last();
    auto& ranks = trainer.communicator();
    std::size_t groups = 0, first_group = 0;
    for (auto const group : batch.trajectories.episodes.group) groups = std::max<std::size_t>(groups, group + 1);
    auto const counts = gathered(ranks, static_cast<double>(groups));
    for (std::size_t r = 0; r < ranks.rank(); ++r) first_group += static_cast<std::size_t>(counts[r]);
    auto const lines = gathered_texts(ranks, recording_lines(batch.trajectories, batch.rewards, batch.plan,
                                                             trainer.options().epochs, ranks.rank(), first_group));
    if (ranks.rank() == 0) write_recording(folder, report.step, lines);
  }
};

}  // namespace grove
