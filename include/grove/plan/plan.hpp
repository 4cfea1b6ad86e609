// SPDX-License-Identifier: Apache-2.0
// Memory and time of one training step from first principles: bytes that must lie in a GPU's memory, bytes that must
// pass its bandwidth, operations that must be done. What a stack reaches of a machine's limits is an input with a low
// and a high value, so a plan's time is a range; with all of them at their limit it is the roofline.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "grove/error.hpp"
#include "grove/optim/block_quantized.hpp"
#include "grove/plan/machine.hpp"
#include "grove/plan/model_shape.hpp"

namespace grove::plan {

/// Bytes of AdamW's two moments of a parameter: f32, and in 8 bits with a scale of f32 for each block of each. Small
/// tensors, which keep full ones, are one parameter in ten thousand.
constexpr double full_moments = 8, quantized_moments = 2 * (1 + 4.0 / static_cast<double>(quantized_block));

/// Seconds that one core of the host takes to update a parameter with such moments, as docs/memory.md has them
/// measured.
constexpr double full_update = 0.75e-9, quantized_update = 4.9e-9;

/// What one step samples and trains on.
struct Workload {
  std::size_t completions = 0;    ///< of one optimizer step, over all ranks
  std::size_t steps = 0;          ///< optimizer steps of the run
  double prompt = 200;            ///< tokens, on average
  double mean_completion = 0;     ///< tokens
  double longest_completion = 0;  ///< tokens: each sampling call decodes until its longest is done
  std::size_t micro_batch = 1;    ///< sequences of a micro-batch on one GPU
  double longest_prompt = 512;    ///< tokens
  bool reference = true;          ///< a frozen copy is scored: beta is not 0
  bool old_log_probs = false;     ///< scored once more, for several updates a batch
  double adapters = 0;            ///< parameters of the adapters that are trained in place of all weights; 0: none
  double moment_bytes = full_moments;
  bool offload_optimizer = false;  ///< the host keeps masters and moments, and updates
  bool offload_reference = false;  ///< the host keeps the reference's weights but while they score
  double kv_cache_bytes = 0;       ///< most for keys and values on a GPU that samples; 0: what all its sequences take
};

/// Who does what, and how often ranks wait for each other.
struct Placement {
  std::size_t sampling = 0;        ///< ranks that sample
  std::size_t training = 0;        ///< ranks that train
  bool colocated = true;           ///< they are the same ranks
  std::size_t sampling_calls = 1;  ///< of one step, one after the other
  std::size_t gradient_syncs = 1;  ///< of one step
  bool padded = false;             ///< training computes on padding up to the longest completion
  bool one_step_ahead = false;     ///< ranks that only sample do so while the others train
};

/// A number that is known to lie between two.
struct Between {
  double best = 0, worst = 0;
  double at(double share) const { return best + share * (worst - best); }
};

/// What a stack reaches of a machine's limits.
struct Stack {
  Between decode_share{};   ///< of memory bandwidth while decoding
  Between mfu{};            ///< of matrix operations while scoring and updating
  Between fixed{};          ///< seconds of a step that neither explains: synchronising, scoring rewards, logging
  double host_link = 12e9;  ///< bytes / s between a GPU and its host, one direction: about half of what PCIe 4.0 x16
                            ///< reaches, as the engine's memory on the host is not pinned
  double chunk = 1024;      ///< tokens whose logits exist at a time
  double bucket = 25e6;     ///< parameters of a bucket of gradients in flight; there are two
};

struct Term {
  std::string name{};
  double value = 0;
};

struct Phase {
  std::string name{};
  std::vector<Term> bytes{};    ///< on each GPU that takes part
  std::vector<Term> seconds{};  ///< of one step

  static double sum(std::vector<Term> const& terms) {
    double total = 0;
    for (auto const& term : terms) total += term.value;
    return total;
  }
  double total_bytes() const { return sum(bytes); }
  double total_seconds() const { return sum(seconds); }
};

/// Seconds of a step of these phases, the first of which samples: one after the other, or the first beside the others.
inline double step_seconds(std::vector<Phase> const& phases, bool one_step_ahead) {
  double rest = 0;
  for (std::size_t i = 1; i < phases.size(); ++i) rest += phases[i].total_seconds();
  double const first = phases.empty() ? 0 : phases.front().total_seconds();
  return one_step_ahead ? std::max(first, rest) : first + rest;
}

struct Plan {
  std::vector<Phase> phases{};  ///< with the stack's inputs halfway between best and worst
  bool one_step_ahead = false;  ///< the first phase runs beside the others
  Between step_seconds{};
  double roofline_step = 0;  ///< seconds, every limit reached, nothing fixed
  double memory = 0;         ///< bytes of one GPU
  std::vector<Term> host{};  ///< bytes that its host keeps for a GPU that trains
  double dollars_per_hour = 0;
  std::size_t steps = 0;

  double hours(double seconds) const { return seconds * static_cast<double>(steps) / 3600; }
  double middle() const { return grove::plan::step_seconds(phases, one_step_ahead); }
  double peak() const {
    double most = 0;
    for (auto const& phase : phases) most = std::max(most, phase.total_bytes());
    return most;
  }
  /// A tenth of the memory is left to contexts, libraries and fragmentation.
  bool fits() const { return peak() <= 0.9 * memory; }
};

namespace detail {

/// One choice of the stack's inputs.
struct Efficiency {
  double decode_share = 1, mfu = 1, fixed = 0;
};

class Planner {
 public:
  Planner(ModelShape const& model, Machine const& machine, Workload const& work, Placement const& place,
          Stack const& stack)
      : model_(model), gpu_(machine.gpu), work_(work), place_(place), stack_(stack) {}

  std::vector<Phase> phases(Efficiency e) const { return {generate(e), score(e), update(e), other(e)}; }

  /// What is offloaded of each GPU that trains.
  std::vector<Term> host() const {
    std::vector<Term> bytes;
    if (adapted()) {  // values, gradients and moments in f32
      bytes.push_back({"adapters", (8 + work_.moment_bytes / training()) * work_.adapters});
      return bytes;
    }
    if (work_.offload_optimizer) bytes.push_back(masters_and_moments());
    if (copies_reference() && work_.offload_reference) bytes.push_back(reference());
    return bytes;
  }

 private:
  double training() const { return static_cast<double>(place_.training); }
  bool adapted() const { return work_.adapters > 0; }
  /// The model without its adapters is its own reference.
  bool copies_reference() const { return work_.reference && !adapted(); }

  Term masters_and_moments() const {
    return {"masters_and_moments", (4 + work_.moment_bytes) * model_.parameters() / training()};
  }
  Term reference() const { return {"reference", 2 * model_.parameters()}; }

  /// Weights, and what a rank that trains keeps from step to step (ZeRO-2: moments and masters are divided).
  std::vector<Term> resident(bool trains) const {
    std::vector<Term> bytes = {{"weights", 2 * model_.parameters()}};
    if (adapted()) bytes.push_back({"adapters", 2 * work_.adapters});
    if (!trains || adapted()) return bytes;
    if (!work_.offload_optimizer) bytes.push_back(masters_and_moments());
    if (copies_reference() && !work_.offload_reference) bytes.push_back(reference());
    return bytes;
  }

  /// Keys and values of the longest sequence that there may be.
  double sequence_bytes() const { return (work_.longest_prompt + work_.longest_completion) * model_.kv_bytes(); }

  /// Of `batch` sequences, each counted as long as it may become, those that decode together.
  double sequences_at_once(double batch) const {
    if (work_.kv_cache_bytes == 0) return batch;
    double const fit = std::floor(work_.kv_cache_bytes / sequence_bytes());
    if (fit < 1)
      throw Error("plan",
                  "keys and values of one sequence take " + std::to_string(std::llround(sequence_bytes())) + " bytes",
                  "at most kv_cache_bytes, " + std::to_string(std::llround(work_.kv_cache_bytes)),
                  "raise it or shorten the completions");
    return std::min(batch, fit);
  }

  /// Each decoded token reads the weights and the keys and values of the sequences that are not done.
  Phase generate(Efficiency e) const {
    double const calls = static_cast<double>(place_.sampling_calls);
    double const batch =
        std::ceil(static_cast<double>(work_.completions) / calls / static_cast<double>(place_.sampling));
    double const bandwidth = gpu_.bandwidth * e.decode_share;
    double const context = work_.prompt + work_.mean_completion / 2;
    double const at_once = sequences_at_once(batch);
    // Where not all fit, sequences begin as others end: a step for each token of the mean one more, so often as they
    // take turns.
    double const steps = work_.longest_completion + (batch / at_once - 1) * work_.mean_completion;
    double const kv = batch * work_.mean_completion * context * model_.kv_bytes();
    Phase phase{.name = "generate", .bytes = resident(place_.colocated)};
    phase.bytes.push_back({"kv_cache", at_once * sequence_bytes()});
    phase.bytes.push_back({"logits", at_once * static_cast<double>(model_.vocabulary) * 4});
    phase.seconds = {{"read_weights", calls * steps * 2 * model_.multiplied() / bandwidth},
                     {"read_kv_cache", calls * kv / bandwidth},
                     {"prefill", calls * batch * work_.prompt * model_.forward_operations(work_.prompt) /
                                     (gpu_.operations * e.mfu)}};
    return phase;
  }

  /// Seconds of `passes` forward passes' worth of operations over the step's tokens.
  double compute(double passes, Efficiency e) const {
    double const length = work_.prompt + (place_.padded ? work_.longest_completion : work_.mean_completion);
    double const tokens = static_cast<double>(work_.completions) * length / training();
    return passes * tokens * model_.forward_operations(length) / (gpu_.operations * e.mfu);
  }

  double micro_batch_tokens() const {
    return static_cast<double>(work_.micro_batch) * (work_.longest_prompt + work_.longest_completion);
  }

  Phase score(Efficiency e) const {
    Phase phase{.name = "score", .bytes = resident(true)};
    if (copies_reference() && work_.offload_reference) {
      phase.bytes.push_back(reference());
      phase.seconds.push_back({"reference_to_gpu", reference().value / stack_.host_link});
    }
    phase.bytes.push_back({"layer", micro_batch_tokens() * model_.layer_activation_bytes()});
    phase.bytes.push_back({"logits_chunk", stack_.chunk * static_cast<double>(model_.vocabulary) * 4});
    if (work_.reference) phase.seconds.push_back({"reference", compute(1, e)});
    if (work_.old_log_probs) phase.seconds.push_back({"old_log_probs", compute(1, e)});
    return phase;
  }

  /// Forward, a second forward of each layer from its kept input, and backward at twice the operations of a forward:
  /// once for inputs, which is all where weights have no gradients, and once for weights.
  Phase update(Efficiency e) const {
    double const tokens = micro_batch_tokens();
    Phase phase{.name = "update", .bytes = resident(true)};
    if (!adapted()) phase.bytes.push_back({"gradients", 4 * model_.parameters() / training()});
    if (!adapted() && training() > 1) phase.bytes.push_back({"gradient_buckets", 2 * 4 * stack_.bucket});
    phase.bytes.push_back({"layer_inputs", static_cast<double>(model_.layers * model_.hidden) * 2 * tokens});
    phase.bytes.push_back({"layer", 2 * tokens * model_.layer_activation_bytes()});
    phase.bytes.push_back({"logits_chunk", stack_.chunk * static_cast<double>(model_.vocabulary) * (4 + 2)});
    phase.seconds = {
        {"forward", compute(1, e)}, {"recompute", compute(1, e)}, {"backward", compute(adapted() ? 1 : 2, e)}};
    if (adapted())
      add_adapters(phase);
    else
      add_weights(phase);
    return phase;
  }

  /// The host has the adapters' gradients, exchanges and updates them.
  void add_adapters(Phase& phase) const {
    double const n = work_.adapters, share = (training() - 1) / training();
    double const syncs = static_cast<double>(place_.gradient_syncs);
    phase.seconds.push_back({"gradients_to_host", syncs * 2 * n / stack_.host_link});
    if (training() > 1) phase.seconds.push_back({"reduce_gradients", syncs * 4 * n * share / stack_.host_link});
    phase.seconds.push_back({"host_optimizer", n / training() * host_update()});
    phase.seconds.push_back({"values_to_gpu", 2 * n / stack_.host_link});
  }

  double host_update() const { return work_.moment_bytes == full_moments ? full_update : quantized_update; }

  void add_weights(Phase& phase) const {
    double const n = model_.parameters();
    if (training() > 1) {
      double const share = (training() - 1) / training();
      phase.seconds.push_back(
          {"reduce_gradients", static_cast<double>(place_.gradient_syncs) * 2 * n * share / gpu_.link});
      phase.seconds.push_back({"gather_weights", 2 * n * share / gpu_.link});
    }
    double const mine = n / training();
    if (!work_.offload_optimizer) {
      phase.seconds.push_back({"optimizer", (16 + 2 * work_.moment_bytes) * mine / gpu_.bandwidth});
      return;
    }
    phase.seconds.push_back({"gradients_to_host", 4 * mine / stack_.host_link});
    phase.seconds.push_back({"host_optimizer", mine * host_update()});
    phase.seconds.push_back({"values_to_gpu", 2 * mine / stack_.host_link});
  }

  Phase other(Efficiency e) const {
    Phase phase{.name = "other", .bytes = resident(true)};
    if (!place_.colocated)
      phase.seconds.push_back(
          {"send_weights", adapted() ? 4 * work_.adapters / stack_.host_link : 2 * model_.parameters() / gpu_.link});
    phase.seconds.push_back({"fixed", e.fixed});
    return phase;
  }

  ModelShape const& model_;
  Gpu gpu_;
  Workload const& work_;
  Placement const& place_;
  Stack const& stack_;
};

}  // namespace detail

/// Throws Error where ranks and GPUs do not agree or a number makes no sense.
inline Plan make_plan(ModelShape const& model, Machine const& machine, Workload const& work, Placement const& place,
                      Stack const& stack) {
  auto const ranks = place.colocated ? place.training : place.training + place.sampling;
  if (place.training == 0 || place.sampling == 0 || ranks != machine.count)
    throw Error("plan", "the placement takes " + std::to_string(ranks) + " GPUs of " + std::to_string(machine.count),
                "at least one that trains, one that samples, and none left over");
  if (place.one_step_ahead && place.colocated)
    throw Error("plan", "ranks that train are to sample at the same time",
                "ranks that only sample, or one_step_ahead off");
  if (!(work.mean_completion > 0) || work.longest_completion < work.mean_completion)
    throw Error("plan", "the mean completion has " + std::to_string(work.mean_completion) + " tokens",
                "more than 0 and no more than the longest, " + std::to_string(work.longest_completion));
  for (auto const& share : {stack.decode_share, stack.mfu})
    if (!(share.worst > 0 && share.worst <= share.best && share.best <= 1))
      throw Error("plan", "a share of the machine is " + std::to_string(share.worst) + ":" + std::to_string(share.best),
                  "LOW:HIGH between 0 and 1");
  if (!(stack.host_link > 0 && std::isfinite(stack.host_link)))
    throw Error("plan", "the link to the host is " + std::to_string(stack.host_link) + " bytes a second",
                "a number above 0");
  detail::Planner const planner(model, machine, work, place, stack);
  auto const at = [&](double share) {
    return planner.phases({stack.decode_share.at(share), stack.mfu.at(share), stack.fixed.at(share)});
  };
  auto const seconds = [&](std::vector<Phase> const& phases) { return step_seconds(phases, place.one_step_ahead); };
  return {.phases = at(0.5),
          .one_step_ahead = place.one_step_ahead,
          .step_seconds = {seconds(at(0)), seconds(at(1))},
          .roofline_step = seconds(planner.phases({})),
          .memory = machine.gpu.memory,
          .host = planner.host(),
          .dollars_per_hour = machine.gpu.dollars * static_cast<double>(machine.count),
          .steps = work.steps};
}

}  // namespace grove::plan
