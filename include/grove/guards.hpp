// SPDX-License-Identifier: Apache-2.0
// Observers for `Trainer::run` that watch metrics: bounds that a healthy run keeps, and a metric that no longer grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/metrics.hpp"
#include "grove/trainer.hpp"

namespace grove {

namespace detail {

inline std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace detail

/// A metric that should stay on one side of a bound.
struct Guard {
  enum class Bad : std::uint8_t { Above, Below };

  std::string name{};    ///< as messages call it
  std::string metric{};  ///< as the report does
  double bound = 0;
  Bad bad = Bad::Above;

  /// Not a number is never good.
  bool holds(double value) const { return bad == Bad::Above ? value <= bound : value >= bound; }
};

struct GuardOptions {
  std::size_t steps = 5;                          ///< beyond its bound in a row before a guard speaks
  bool stop = false;                              ///< and ends the run
  std::function<void(std::string const&)> say{};  ///< receives one line when that happens
};

/// Watches several guards; sets `guards/NAME` in the report to the steps in a row that a metric is beyond its bound.
class Guards {
 public:
  explicit Guards(std::vector<Guard> guards, GuardOptions options = {})
      : guards_(std::move(guards)), options_(std::move(options)), beyond_(guards_.size()) {}

  template <class T>
  bool operator()(T&, StepReport& report) {
    return see(report.step, report.metrics);
  }

  /// The same for the metrics of a step; a resumed run shows those of its earlier steps, without saying them again.
  /// Throws Error where a report lacks a guard's metric.
  bool see(std::uint64_t step, Metrics& metrics, bool again = false) {
    bool stop = false;
    for (std::size_t g = 0; g < guards_.size(); ++g) {
      Guard const& guard = guards_[g];
      auto const value = metrics.find(guard.metric);
      if (!value)
        throw Error("guard " + guard.name, "this run reports no " + guard.metric, "a metric of every step",
                    "leave the guard out");
      beyond_[g] = guard.holds(*value) ? 0 : beyond_[g] + 1;
      metrics.set("guards/" + guard.name, static_cast<double>(beyond_[g]));
      if (beyond_[g] < options_.steps) continue;
      stop = stop || options_.stop;
      if (options_.say && !again && (options_.stop || beyond_[g] == options_.steps))
        options_.say(line(guard, step, *value));
    }
    return stop;
  }

 private:
  std::string line(Guard const& guard, std::uint64_t step, double value) const {
    bool const above = guard.bad == Guard::Bad::Above;
    return "step " + std::to_string(step) + ": guard " + guard.name + (options_.stop ? " stops the run" : "") + ": " +
           guard.metric + " is " + detail::short_number(value) + ", " + (above ? "above " : "below ") +
           detail::short_number(guard.bound) + " for " + std::to_string(options_.steps) +
           (options_.steps == 1 ? " step" : " steps");
  }

  std::vector<Guard> guards_;
  GuardOptions options_;
  std::vector<std::size_t> beyond_;
};

/// Ends the run when a metric has not improved by more than `least` for `patience` reports that have it.
class StopOnPlateau {
 public:
  struct Options {
    std::string metric{};
    std::size_t patience = 0;  ///< 0: never stops
    double least = 0;
    bool greater_is_better = true;
    std::function<void(std::string const&)> say{};
  };

  explicit StopOnPlateau(Options options) : options_(std::move(options)) {}

  template <class T>
  bool operator()(T&, StepReport const& report) {
    return see(report.step, report.metrics);
  }

  bool see(std::uint64_t step, Metrics const& metrics, bool again = false) {
    auto const value = metrics.find(options_.metric);
    if (!value || options_.patience == 0) return false;
    double const gain = best_ ? (options_.greater_is_better ? *value - *best_ : *best_ - *value) : 0;
    if (!best_ || gain > options_.least) {
      best_ = value;
      best_step_ = step;
      waited_ = 0;
      return false;
    }
    if (++waited_ < options_.patience) return false;
    if (options_.say && !again)
      options_.say("step " + std::to_string(step) + ": " + options_.metric + " has not improved on " +
                   detail::short_number(*best_) + " of step " + std::to_string(best_step_) + " in " +
                   std::to_string(waited_) + " evaluations: the run stops");
    return true;
  }

 private:
  Options options_;
  std::optional<double> best_{};
  std::uint64_t best_step_ = 0;
  std::size_t waited_ = 0;
};

}  // namespace grove
