// SPDX-License-Identifier: Apache-2.0
// What a training run leaves on disk: metrics and completions as JSON lines, and models that transformers loads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "grove/batch.hpp"
#include "grove/metrics.hpp"
#include "grove/metrics/jsonl_writer.hpp"
#include "grove/metrics/tensorboard.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/rollout/recording.hpp"
#include "grove/train_options.hpp"
#include "grove/trainer.hpp"

namespace grove {

/// Writes a model in Hugging Face form: its weights and configuration, and the tokenizer files of the folder it came
/// from. The folder appears whole or not at all.
void save_model(AnyCausalLm const& policy, std::filesystem::path const& source, std::filesystem::path const& target);

/// A hook for `TrainOptions::on_gradients` that writes each optimizer step's gradient before clipping as
/// `FOLDER/update-000001.safetensors`, under the parameters' Hugging Face names, in f32.
std::function<void(std::size_t, std::span<const ParameterView>)> dump_gradients_to(std::filesystem::path const& folder);

/// Appends one line a step to `metrics.jsonl`, the same numbers to a TensorBoard event file, and one line a completion
/// to `completions.jsonl`. An observer for `Trainer::run`; completions are left out when `completions` is false.
class RunLog {
 public:
  /// Makes the folder. Throws Error where it cannot be written.
  explicit RunLog(std::filesystem::path folder, bool completions = true);

  template <class T>
  void operator()(T& trainer, StepReport const& report) {
    write_metrics(report);
    if (completions_file_) write_completions(report.step, trainer.last());
  }

  std::filesystem::path const& folder() const { return folder_; }

 private:
  void write_metrics(StepReport const& report);
  void write_completions(std::uint64_t step, Batch<AnyCausalLm> const& batch);

  std::filesystem::path folder_;
  metrics::JsonlWriter metrics_file_;
  metrics::TensorBoardWriter events_;
  std::optional<metrics::JsonlWriter> completions_file_;
};

/// Records every batch into a folder for `Replay`; an observer for `Trainer::run`.
struct Recorder {
  std::filesystem::path folder;

  template <class T>
  void operator()(T& trainer, StepReport const& report) {
    auto const& batch = trainer.last();
    write_recording(folder, report.step, batch.trajectories, batch.rewards, batch.plan, trainer.options().epochs);
  }
};

}  // namespace grove
