// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "grove/metrics.hpp"
#include "grove/optim/adamw.hpp"
#include "grove/optim/schedule.hpp"
#include "grove/optim/shards.hpp"
#include "grove/parameter.hpp"
#include "grove/profile/span.hpp"
#include "grove/ratio_check.hpp"
#include "grove/reward/scoring_options.hpp"

namespace grove {

/// Which log-probs stand for the policy at the start of a batch's updates. They are the same numbers up to rounding, so
/// this is a value, not a type.
enum class OldLogProbs : std::uint8_t {
  Auto,        ///< Current for one update a batch; else Sampled for f32 token ratios, and Recomputed otherwise
  Sampled,     ///< what the sampler recorded
  Recomputed,  ///< one forward pass before the first update
  Current,     ///< the policy's own at each update: the ratio is 1 and clipping never acts
};

/// How a reference policy follows the one that is trained, which by default it does not, and where it is kept.
struct ReferenceSync {
  std::size_t every = 0;  ///< steps between two updates of the reference; 0: never (TRL's ref_model_sync_steps)
  double mixup = 0.6;     ///< the policy's share in the new reference; 1 resets it (TRL's ref_model_mixup_alpha)
  bool offload = false;   ///< its weights leave the device between steps, where the policy is Offloadable
};

/// Every number of a training run that no piece of the composition owns.
struct TrainOptions {
  Schedule schedule{};
  AdamWOptions adamw{};
  double max_grad_norm = 1.0;   ///< 0: no clipping
  std::size_t epochs = 1;       ///< passes over each batch
  std::size_t minibatches = 1;  ///< optimizer steps in each pass
  OldLogProbs old_log_probs = OldLogProbs::Auto;
  bool mask_truncated_completions = false;  ///< a truncated sequence gives no gradient (DAPO's overlong filtering)
  std::size_t value_warmup_steps = 0;       ///< steps in which only the critic learns (VC-PPO, arXiv 2503.01491)
  ReferenceSync reference{};
  Sharding sharding{};  ///< of the optimizer over several ranks; one process has all of it
  ScoringOptions scoring{};
  RatioCheck ratio_check{};
  std::uint64_t seed = 0;

  /// Called before clipping with each optimizer step's number and the accumulated gradients.
  std::function<void(std::size_t, std::span<const ParameterView>)> on_gradients{};
  /// Told of phases, optimizer steps and micro-batches; see profile/profile.hpp.
  SpanHook on_span{};
  /// May add to a step's metrics, knowing how much was computed.
  std::function<void(StepSize const&, Metrics&)> on_step{};
};

}  // namespace grove
