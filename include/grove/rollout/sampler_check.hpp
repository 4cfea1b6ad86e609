// SPDX-License-Identifier: Apache-2.0
// The ratio-one check where a recipe trains on other log-probs than it samples with: another temperature, another
// prompt, other rounding. What the trainer computes then tells nothing, so the policy is asked once more for the
// log-probs as the sampler saw them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/metrics.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/ratio_check.hpp"
#include "grove/rollout/token_trajectories.hpp"

namespace grove {

class SamplerCheck {
 public:
  /// `temperature` is the sampler's.
  SamplerCheck(RatioCheck limits, float temperature) : limits_(limits), temperature_(temperature) {}

  /// Compares each token's recorded log-prob with the policy's after the sampler's prompt at its temperature. Costs a
  /// forward pass. Throws RatioAlarm.
  void operator()(AnyCausalLm const& policy, TokenTrajectories const& t, std::uint64_t step) {
    std::vector<std::vector<TokenId>> sequences;
    for (auto const& sample : t.samples) {
      sequences.push_back(sample.prompt);
      sequences.back().insert(sequences.back().end(), sample.completion.tokens.begin(), sample.completion.tokens.end());
    }
    auto const log_probs = policy.log_probs(sequences, temperature_);
    RatioMonitor monitor;
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      auto const& sampled = t.samples[s].completion.log_probs;
      auto const first = log_probs[s].size() - sampled.size();
      for (std::size_t i = 0; i < sampled.size(); ++i) monitor.add(log_probs[s][first + i], sampled[i]);
    }
    Metrics found;
    monitor.check(limits_, step, found);
    found_ = monitor.report();
  }

  /// `sampling/as_sampled_logp_difference/{mean,p99.9,max}` of the last collection.
  void report(Metrics& metrics) const {
    std::string const name = "sampling/as_sampled_logp_difference/";
    metrics.set(name + "mean", found_.mean);
    metrics.set(name + "p99.9", found_.p999);
    metrics.set(name + "max", found_.max);
  }

 private:
  RatioCheck limits_;
  float temperature_;
  RatioReport found_{};
};

}  // namespace grove
