// SPDX-License-Identifier: Apache-2.0
// Checkpoints as an observer of `Trainer::run`, and going on from one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/checkpoint/checkpoint_folder.hpp"
#include "grove/error.hpp"
#include "grove/trainer.hpp"

namespace grove {

struct CheckpointOptions {
  std::filesystem::path folder{};
  std::size_t every = 50;  ///< steps; 0: only at the end
  Retention keep{};
  bool at_end = true;        ///< also after the run's last step
  bool asynchronous = true;  ///< a copy of the state is written while the next steps run
  Settings settings{};       ///< what a resume must have the same; empty: the trainer's own
  /// Puts more files into a checkpoint, on the writing thread.
  std::function<void(std::filesystem::path const&)> beside{};
  /// Asked after each step; true writes a checkpoint and ends the run. With several ranks any one's wish counts.
  std::function<bool()> stop{};
};

namespace detail {

template <class T>
CheckpointInfo checkpoint_info(T const& trainer, Settings const& settings) {
  return {.step = trainer.steps(),
          .composition = trainer.algorithm().describe(),
          .settings = settings.empty() ? trainer.settings() : settings};
}

}  // namespace detail

/// Writes `FOLDER/checkpoint-STEP` every so many steps. Rank 0 writes; the state is the same on all.
class Checkpoint {
 public:
  explicit Checkpoint(CheckpointOptions options) : options_(std::move(options)) {}

  template <class T>
  bool operator()(T& trainer, StepReport const& report) {
    metrics_.assign(report.metrics.begin(), report.metrics.end());
    if (writer_.valid() && writer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) writer_.get();
    bool const stop = agreed(trainer.communicator(), options_.stop && options_.stop());
    if (stop || (options_.every > 0 && report.step % options_.every == 0)) save(trainer);
    if (stop) finished(trainer);
    return stop;
  }

  /// Writes the trainer's state now. Waits for the one before.
  template <class T>
  void save(T& trainer) {
    wait();
    saved_ = trainer.steps();
    if (trainer.communicator().rank() != 0) return;
    auto state = std::make_shared<State>();
    trainer.state(*state);
    auto info = detail::checkpoint_info(trainer, options_.settings);
    info.metrics = metrics_;
    auto const write = [state, info = std::move(info), options = options_] {
      write_checkpoint(options.folder, *state, info, options.beside);
      remove_superseded(options.folder, options.keep);
    };
    if (!options_.asynchronous) return write();
    state->detach();
    writer_ = std::async(std::launch::async, write);
  }

  /// What `Trainer::run` calls last: the state at the end, and every write is done.
  template <class T>
  void finished(T& trainer) {
    if (options_.at_end && trainer.steps() > 0 && saved_ != trainer.steps()) save(trainer);
    wait();
  }

 private:
  template <class C>
  static bool agreed(C& ranks, bool mine) {
    if (ranks.size() == 1) return mine;
    double wishes = mine ? 1 : 0;
    ranks.all_reduce_sum(std::span(&wishes, 1));
    return wishes > 0;
  }

  void wait() {
    if (writer_.valid()) writer_.get();
  }

  CheckpointOptions options_;
  std::vector<std::pair<std::string, double>> metrics_;
  std::uint64_t saved_ = 0;
  std::future<void> writer_;
};

/// Takes over a checkpoint's state. Throws Error that names the first thing that is not as it was when the checkpoint
/// was written: the composition, a setting (unless `allowed` names it), a tensor.
template <class T>
void resume(T& trainer, std::filesystem::path const& checkpoint, Settings const& settings = {},
            std::span<const std::string> allowed = {}) {
  check_resumable(checkpoint, read_checkpoint_info(checkpoint), detail::checkpoint_info(trainer, settings), allowed);
  auto state = read_checkpoint_state(checkpoint);
  trainer.state(state);
  state.finish();
}

}  // namespace grove
