// SPDX-License-Identifier: Apache-2.0
// Checkpoints as an observer of `Trainer::run`, and going on from one.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
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
#include "grove/io/atomic_file.hpp"
#include "grove/optim/collectives.hpp"
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

/// Writes `FOLDER/checkpoint-STEP` every so many steps. Rank 0 writes what is the same on all ranks; where they divide
/// the moments each writes its own into the same folder, which rank 0 puts in place once all are done: at a later
/// step's end, or the run's.
class Checkpoint {
 public:
  explicit Checkpoint(CheckpointOptions options) : options_(std::move(options)) {}

  template <class T>
  bool operator()(T& trainer, StepReport const& report) {
    metrics_.assign(report.metrics.begin(), report.metrics.end());
    auto& ranks = trainer.communicator();
    bool const done = written();
    if (done && !draft_open_) wait();
    std::array wishes = {options_.stop && options_.stop() ? 1.0 : 0.0, done ? 1.0 : 0.0};
    ranks.all_reduce_sum(wishes);
    if (draft_open_ && wishes[1] == static_cast<double>(ranks.size())) settle(ranks);
    bool const stop = wishes[0] > 0;
    if (stop || (options_.every > 0 && report.step % options_.every == 0)) save(trainer);
    if (stop) finished(trainer);
    return stop;
  }

  /// Writes the trainer's state now. Waits for the one before.
  template <class T>
  void save(T& trainer) {
    auto& ranks = trainer.communicator();
    settle(ranks);
    if constexpr (requires { trainer.rollout().await_ahead(); }) trainer.rollout().await_ahead();
    saved_ = trainer.steps();
    bool const divided = trainer.optimizer().divides(ranks.size());
    if (!divided && ranks.rank() != 0) return;
    auto state = std::make_shared<State>();
    trainer.state(*state);
    auto info = detail::checkpoint_info(trainer, options_.settings);
    info.metrics = metrics_;
    info.shards = divided ? ranks.size() : 0;
    if (divided) {
      open_draft(ranks, info.step);
      start(*state,
            [state, info = std::move(info), target = draft_path_, rank = ranks.rank(), beside = options_.beside] {
              write_pieces(target, *state, rank, info.shards);
              if (rank == 0) write_common(target, *state, info, beside);
            });
    } else {
      start(*state, [state, info = std::move(info), options = options_] {
        write_checkpoint(options.folder, *state, info, options.beside);
        remove_superseded(options.folder, options.keep);
      });
    }
    if (!options_.asynchronous) settle(ranks);
  }

  /// What `Trainer::run` calls last: the state at the end, and every write is done.
  template <class T>
  void finished(T& trainer) {
    if (options_.at_end && trainer.steps() > 0 && saved_ != trainer.steps()) save(trainer);
    settle(trainer.communicator());
  }

 private:
  /// Runs `write`, on a thread of its own where that is wished, with a copy of the state.
  template <class F>
  void start(State& state, F write) {
    if (options_.asynchronous) state.detach();
    writer_ = std::async(options_.asynchronous ? std::launch::async : std::launch::deferred, std::move(write));
  }

  /// Makes the temporary folder that all ranks write into.
  template <class C>
  void open_draft(C& ranks, std::uint64_t step) {
    if (ranks.rank() == 0) draft_ = std::make_unique<io::AtomicFolder>(checkpoint_path(options_.folder, step));
    draft_path_ = text_of_first(ranks, draft_ ? draft_->path().string() : "");
    draft_open_ = true;
  }

  /// Waits for what is being written; of a draft, until all ranks have written theirs, and puts it in place. Where one
  /// could not, all throw, that one its own error, and the draft is gone.
  template <class C>
  void settle(C& ranks) {
    if (!std::exchange(draft_open_, false)) return wait();
    together(ranks, [&] { wait(); });
    together(ranks, [&] {
      if (!draft_) return;
      draft_->commit();
      remove_superseded(options_.folder, options_.keep);
    });
    draft_.reset();
  }

  /// f() on all ranks; where it fails on one, all throw.
  template <class C, class F>
  void together(C& ranks, F const& f) {
    std::exception_ptr failure;
    try {
      f();
    } catch (std::exception const&) {
      failure = std::current_exception();
    }
    auto const failed = gathered(ranks, failure ? 1.0 : 0.0);
    auto const first = std::ranges::find(failed, 1.0);
    if (first == failed.end()) return;
    draft_.reset();
    if (failure) std::rethrow_exception(failure);
    throw Error(
        "checkpoint",
        "rank " + std::to_string(first - failed.begin()) + " could not write its part of " + draft_path_.string(), {},
        "see its own message");
  }

  bool written() const {
    return writer_.valid() && writer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  void wait() {
    if (writer_.valid()) writer_.get();
  }

  CheckpointOptions options_;
  std::vector<std::pair<std::string, double>> metrics_;
  std::uint64_t saved_ = 0;
  std::unique_ptr<io::AtomicFolder> draft_;  // of rank 0
  std::filesystem::path draft_path_;
  bool draft_open_ = false;
  std::future<void> writer_;  // last: its thread ends before the draft is removed
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
