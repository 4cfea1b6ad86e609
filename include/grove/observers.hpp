// SPDX-License-Identifier: Apache-2.0
// Values handed to `Trainer::run`: each is called after every step with the trainer and the step's report.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "grove/trainer.hpp"

namespace grove {

/// Calls `f(trainer, report)` after each n-th step (never for n = 0). Where f takes the report by reference it may add
/// metrics; where it returns true the run stops.
template <class F>
struct EveryN {
  std::size_t n;
  F f;

  template <class T>
  bool operator()(T& trainer, StepReport& report) {
    if (n == 0 || report.step % n != 0) return false;
    if constexpr (std::convertible_to<std::invoke_result_t<F&, T&, StepReport&>, bool>) return f(trainer, report);
    f(trainer, report);
    return false;
  }
};
template <class F>
EveryN(std::size_t, F) -> EveryN<F>;

/// Ends the run after the first step for which `predicate(report)` holds.
template <class F>
struct StopIf {
  F predicate;

  template <class T>
  bool operator()(T&, StepReport const& report) {
    return predicate(report);
  }
};
template <class F>
StopIf(F) -> StopIf<F>;

/// One line a step: step, reward, tokens/s and the time left; on a terminal the line is written over.
class Progress {
 public:
  Progress(std::ostream& out, std::size_t steps, bool terminal) : out_(&out), steps_(steps), terminal_(terminal) {}

  template <class T>
  void operator()(T&, StepReport const& report) {
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    ++done_;
    tokens_ += report.metrics.find("num_tokens").value_or(0);
    auto const at = std::max<std::size_t>(done_, report.step);  // a resumed run begins further on
    auto const left = seconds / static_cast<double>(done_) * static_cast<double>(steps_ - std::min(steps_, at));
    char line[160];
    std::snprintf(line, sizeof line, "step %zu/%zu  reward %.3f  length %.1f  %.0f tokens/s  %s left", at, steps_,
                  report.metrics.find("reward").value_or(NAN),
                  report.metrics.find("completions/mean_length").value_or(NAN), tokens_ / seconds, clock(left).c_str());
    *out_ << (terminal_ ? "\r\x1b[K" : "") << line << note_ << (terminal_ && at < steps_ ? "" : "\n") << std::flush;
  }

  /// Text that later lines end with, such as the last evaluation.
  void set_note(std::string note) { note_ = std::move(note); }

 private:
  static std::string clock(double seconds) {
    char text[32];
    auto const s = static_cast<long>(std::lround(seconds));
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
    return text;
  }

  std::ostream* out_;
  std::size_t steps_;
  bool terminal_;
  std::size_t done_ = 0;
  double tokens_ = 0;
  std::string note_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace grove
