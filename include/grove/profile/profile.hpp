// SPDX-License-Identifier: Apache-2.0
// A profile of a training run: seconds, tokens, operations and memory of each phase as metrics, and a trace of phases,
// optimizer steps and micro-batches that chrome://tracing and Perfetto show.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "grove/metrics.hpp"
#include "grove/plan/model_shape.hpp"
#include "grove/profile/span.hpp"

namespace grove {

struct ProfileOptions {
  std::filesystem::path trace{};  ///< where the trace is written; empty: none
  std::size_t rank = 0;           ///< of several, the trace's process; ranks beyond 0 write `NAME-rank-R.EXTENSION`
  plan::ModelShape model{};       ///< what operations are counted for
  bool adapters = false;          ///< the weights themselves get no gradients, so a backward pass costs one forward
  double operations = 0;          ///< a second that the machine can do; 0: not known, and no share of them is reported
  double bandwidth = 0;           ///< bytes a second that it can read; likewise
  double weight_bytes = 0;        ///< that each step of decoding reads
  std::size_t most_spans = 1 << 20;  ///< later ones are left out of the trace
};

/// Not for copying or moving: hooks refer to it.
class Profile {
 public:
  explicit Profile(ProfileOptions options);
  /// Writes the trace unless `finish` has; errors are lost here.
  ~Profile();
  Profile(Profile const&) = delete;
  Profile& operator=(Profile const&) = delete;

  /// For TrainOptions::on_span; `next`, if any, is told as well.
  SpanHook on_span(SpanHook next = {});

  /// For TrainOptions::on_step. Sets, under names that begin with "timing/",
  ///   tokens_per_second            sampled tokens by the seconds of the whole step
  ///   gather_tokens_per_second     the same by the seconds of sampling
  ///   update_tokens_per_second     tokens of the forward passes, prompts included, by the seconds of the update
  ///   score_mfu, update_mfu        operations that the model needs, by those that the machine could have done
  ///   gather_bandwidth             weights read once for each token of the longest completion, by what could be read
  ///   PHASE_peak_bytes             most memory that was resident in the phase
  void report(StepSize const& size, Metrics& metrics);

  /// Writes the trace. Throws Error where it cannot.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  struct Event {
    std::string name;
    std::int64_t begin = 0, length = 0;  // microseconds
  };
  struct Open {
    std::string name;
    std::int64_t begin = 0;
  };

  void begin(std::string_view name);
  void end(std::string_view name);
  [[nodiscard]] std::int64_t now() const;
  [[nodiscard]] double forward(StepSize const& size) const;

  ProfileOptions options_;
  Clock::time_point start_ = Clock::now();
  std::vector<Open> open_;
  std::vector<Event> events_;
  std::size_t left_out_ = 0;
  std::map<std::string, double, std::less<>> peaks_;  // of this step's phases
  bool written_ = false;
};

/// Most memory of this process that was resident since the last call, in bytes; 0 where the system does not tell. It
/// starts the system's own count anew, so that getrusage afterwards speaks of the last phase.
double take_peak_memory();

}  // namespace grove
