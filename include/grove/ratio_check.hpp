// SPDX-License-Identifier: Apache-2.0
// The ratio-one alarm. Before a batch's first update the trainer's log-prob of each sampled token must be the
// sampler's: same weights, same temperature, same context. A wrong temperature, shifted positions, a second BOS,
// re-tokenised text or stale weights all show here first, and in most trainers nowhere else.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/metrics.hpp"

namespace grove {

/// Thrown by `Trainer::step` before anything was updated.
struct RatioAlarm : Error {
  using Error::Error;
};

struct RatioCheck {
  double max_difference = 1e-4;     ///< alarm beyond this for any token; an f32 policy
  double mean_difference = 0;       ///< alarm beyond this for the mean |difference|; 0 is off; a bf16 policy
  double mean_bias = 0;             ///< alarm beyond this for |mean difference| ...
  std::size_t bias_tokens = 10000;  ///< ... over at least so many tokens; bias 0 is off
  bool calibrate = false;           ///< take mean_difference as twice the healthy one of the first step, at most 0.08
  bool stale_weights = true;        ///< alarm when a token was sampled by another policy version
  bool stop = true;                 ///< false: only report
  /// Steps that a token's weights may be older than those which are trained. Then log-probs differ by what was learned
  /// since, which is reported; that they are the sampler's own is for the rollout to check (see SamplerCheck).
  std::size_t staleness = 0;
};

/// The check for a bf16 policy, whose sampler and trainer agree within rounding only.
inline RatioCheck bf16_ratio_check() { return {.max_difference = HUGE_VAL, .mean_bias = 0.005, .calibrate = true}; }

/// What the check found.
struct RatioReport {
  std::size_t tokens = 0;
  double mean = 0;  ///< of |log p_trainer - log p_sampler|
  double p999 = 0;  ///< its 99.9th percentile
  double max = 0;
  double bias = 0;  ///< mean of the signed difference
  std::size_t stale = 0;
};

/// Collects differences over the micro-batches that run before the first update.
class RatioMonitor {
 public:
  template <std::floating_point T>
  void add(T trainer, T sampler) {
    double const difference = static_cast<double>(trainer) - static_cast<double>(sampler);
    differences_.push_back(std::isfinite(difference) ? std::abs(difference) : HUGE_VAL);
    signed_sum_ += difference;
  }

  void add_stale(std::size_t tokens) { stale_ += tokens; }

  RatioReport report() const {
    RatioReport r{.tokens = differences_.size(), .stale = stale_};
    if (differences_.empty()) return r;
    auto sorted = differences_;
    std::ranges::sort(sorted);
    for (double d : sorted) r.mean += d;
    auto const n = static_cast<double>(sorted.size());
    r.mean /= n;
    r.bias = signed_sum_ / n;
    r.max = sorted.back();
    r.p999 = sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(std::ceil(0.999 * n)))];
    return r;
  }

  /// Writes the metrics and throws RatioAlarm when the check fails. Sets the limit of a check that calibrates itself.
  void check(RatioCheck& limits, std::uint64_t step, Metrics& metrics) const {
    auto const r = report();
    metrics.set("sampling/sampling_logp_difference/mean", r.mean);
    metrics.set("sampling/sampling_logp_difference/p99.9", r.p999);
    metrics.set("sampling/sampling_logp_difference/max", r.max);
    metrics.set("sampling/stale_tokens", static_cast<double>(r.stale));
    if (limits.calibrate && limits.mean_difference == 0 && r.tokens > 0 && limits.staleness == 0)
      limits.mean_difference = std::clamp(2 * r.mean, 1e-4, 0.08);
    if (!limits.stop) return;
    auto const where = "step " + std::to_string(step);
    if (limits.stale_weights && r.stale > 0)
      throw RatioAlarm(where, std::to_string(r.stale) + " tokens were sampled by another version of the policy",
                       limits.staleness == 0 ? "the version that is being trained"
                                             : "a version at most " + std::to_string(limits.staleness) +
                                                   " steps older than that in training",
                       "collect after commit(), or declare the staleness in the recipe");
    if (limits.staleness > 0) return;
    if (!(r.max <= limits.max_difference)) ring(where, "max", r.max, limits.max_difference);
    if (limits.mean_difference > 0 && !(r.mean <= limits.mean_difference))
      ring(where, "mean", r.mean, limits.mean_difference);
    if (limits.mean_bias > 0 && r.tokens >= limits.bias_tokens && !(std::abs(r.bias) <= limits.mean_bias))
      ring(where, "mean signed", std::abs(r.bias), limits.mean_bias);
  }

 private:
  [[noreturn]] static void ring(std::string const& where, std::string const& which, double value, double limit) {
    throw RatioAlarm(
        where,
        "sampler and trainer disagree about the log-probs of the sampled tokens: " + which + " |difference| " +
            std::to_string(value),
        "at most " + std::to_string(limit),
        "look for a temperature on one side only, shifted positions, a different BOS or re-tokenised text");
  }

  std::vector<double> differences_;
  double signed_sum_ = 0;
  std::size_t stale_ = 0;
};

}  // namespace grove
