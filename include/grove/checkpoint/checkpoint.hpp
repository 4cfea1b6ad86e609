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
/// step's end, or the run's. Where a rank cannot write, all throw, at the same place, and name it and its error.
class Checkpoint {
 public:
  explicit Checkpoint(CheckpointOptions options) : options_(std::move(options)) {}

  template <class T>
  bool operator()(T& trainer, StepReport const& report) {
    metrics_.assign(report.metrics.begin(), report.metrics.end());
    auto& ranks = trainer.communicator();
    std::array wishes = {options_.stop && options_.stop() ? 1.0 : 0.0, written() ? 1.0 : 0.0};
    ranks.all_reduce_sum(wishes);
    if (wishes[1] == static_cast<double>(ranks.size())) settle(ranks);
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
    enter_phase(ranks);
    together(ranks, [&] {
      if (divided && ranks.rank() == 0)
        draft_ = std::make_unique<io::AtomicFolder>(checkpoint_path(options_.folder, saved_));
    });
    auto const draft = divided ? text_of_first(ranks, draft_ ? draft_->path().string() : "") : std::string();
    open_ = true;
    together(ranks, [&] {
      if (divided || ranks.rank() == 0) begin(trainer, divided ? ranks.size() : 0, draft);
    });
    if (!options_.asynchronous) settle(ranks);
  }

  /// What `Trainer::run` calls last: the state at the end, and every write is done.
  template <class T>
  void finished(T& trainer) {
    if (options_.at_end && trainer.steps() > 0 && saved_ != trainer.steps()) save(trainer);
    settle(trainer.communicator());
  }

 private:
  /// What this rank writes: of a divided checkpoint its part, into `draft`.
  template <class T>
  void begin(T& trainer, std::size_t shards, std::filesystem::path const& draft) {
    auto state = std::make_shared<State>();
    trainer.state(*state);
    auto info = detail::checkpoint_info(trainer, options_.settings);
    info.metrics = metrics_;
    info.shards = shards;
    if (shards > 0)
      start(*state,
            [state, info = std::move(info), draft, rank = trainer.communicator().rank(), beside = options_.beside] {
              write_pieces(draft, *state, rank, info.shards);
              if (rank == 0) write_common(draft, *state, info, beside);
            });
    else
      start(*state, [state, info = std::move(info), options = options_] {
        write_checkpoint(options.folder, *state, info, options.beside);
        remove_superseded(options.folder, options.keep);
      });
  }

  /// Runs `write`, on a thread of its own where that is wished, with a copy of the state.
  template <class F>
  void start(State& state, F write) {
    if (options_.asynchronous) state.detach();
    writer_ = std::async(options_.asynchronous ? std::launch::async : std::launch::deferred, std::move(write));
  }

  /// Waits until all ranks have written what they began to, and puts a draft in place.
  template <class C>
  void settle(C& ranks) {
    if (!std::exchange(open_, false)) return;
    enter_phase(ranks);
    together(ranks, [&] { wait(); });
    together(ranks, [&] {
      if (!draft_) return;
      draft_->commit();
      remove_superseded(options_.folder, options_.keep);
    });
    draft_.reset();
  }

  template <class C>
  void enter_phase(C& ranks) const {
    if constexpr (requires { ranks.phase(std::string()); })
      if (ranks.size() > 1) ranks.phase("checkpoint of step " + std::to_string(saved_));
  }

  /// f() on all ranks. Where it fails on one, the draft is gone and all throw the same, which says where and why.
  template <class C, class F>
  void together(C& ranks, F const& f) {
    std::exception_ptr failure;
    std::string cause;
    try {
      f();
    } catch (std::exception const& e) {
      failure = std::current_exception();
      cause = e.what();
    }
    auto const failed = gathered(ranks, failure ? 1.0 : 0.0);
    if (std::ranges::find(failed, 1.0) == failed.end()) return;
    if (writer_.valid()) writer_.wait();
    auto const causes = gathered_texts(ranks, cause);  // behind which nobody writes any more
    draft_.reset();
    open_ = false;
    if (ranks.size() == 1) std::rethrow_exception(failure);
    std::string all;
    for (std::size_t r = 0; r < failed.size(); ++r)
      if (failed[r] > 0)
        all.append(all.empty() ? "rank " : "; rank ").append(std::to_string(r)).append(": ").append(causes[r]);
    throw Error("checkpoint of step " + std::to_string(saved_), "not written: " + all);
  }

  /// Nothing, or all of what this rank writes.
  bool written() const {
    return !writer_.valid() || writer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  void wait() {
    if (writer_.valid()) writer_.get();
  }

  CheckpointOptions options_;
  std::vector<std::pair<std::string, double>> metrics_;
  std::uint64_t saved_ = 0;
  std::unique_ptr<io::AtomicFolder> draft_;  // of rank 0, where ranks divide the moments
  bool open_ = false;                        // some rank writes
  std::future<void> writer_;                 // last: its thread ends before the draft is removed
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
