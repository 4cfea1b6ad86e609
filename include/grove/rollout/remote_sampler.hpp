// SPDX-License-Identifier: Apache-2.0
// Split placement: some ranks sample for the others, which train. The trainer's rollout asks and waits; the sampling
// ranks serve until they are told to stop. Weights go over when they have changed since the last collection. One step
// ahead, the next collection is asked for when one is handed over, so that ranks sample while the others train.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/dist/process_group.hpp"
#include "grove/dist/share.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/policy/lora.hpp"
#include "grove/rollout/token_trajectories.hpp"

namespace grove {

/// Who samples: the last `samplers` of all ranks; 0: everybody does both.
struct Placement {
  std::size_t samplers = 0;
  /// Each collection after the first is sampled while the one before is trained on, by the weights that there were when
  /// that one was handed over. The trainer must be told: RatioCheck::staleness = 1.
  bool one_step_ahead = false;

  /// "colocated" or "split:K". Throws Error for another text.
  static Placement parse(std::string const& text);

  /// Throws Error where so many ranks leave nobody to train.
  void check(std::size_t ranks) const;
};

/// A policy as ranks that sample know it: the model, and those of its parameters that sampling reads and training
/// changes. A critic is not among them; where adapters are trained they are all there is.
class SampledPolicy {
 public:
  SampledPolicy(AnyCausalLm& model)
      : model_(&model), parameters_([&model] { return model.parameters(); }), commit_([&model] { model.commit(); }) {}
  SampledPolicy(Lora<AnyCausalLm>& adapted)
      : model_(&adapted),
        parameters_([&adapted] { return adapted.parameters(); }),
        commit_([&adapted] { adapted.commit(); }),
        base_([&adapted] { return adapted.fingerprint(); }) {}

  AnyCausalLm& model() const { return *model_; }
  std::vector<ParameterView> parameters() const { return parameters_(); }
  void commit() const { commit_(); }
  /// A number of the weights that are not sent, and must be the same on all ranks; 0 where all are sent.
  std::uint64_t base() const { return base_ ? base_() : 0; }

 private:
  AnyCausalLm* model_;
  std::function<std::vector<ParameterView>()> parameters_;
  std::function<void()> commit_;
  std::function<std::uint64_t()> base_{};
};

/// The ranks of a split, as each of them sees it.
class Split {
 public:
  /// Every rank makes one, at the same time.
  Split(ProcessGroup all, Placement placement);

  bool samples() const { return all_.rank() >= trainers_; }
  /// Those that train; on a sampling rank of no use.
  ProcessGroup const& trainers() const { return training_; }
  /// This rank's part of a batch: of those who sample, or of those who train.
  Share share() const;
  /// Whether a sampling rank asked for the run's end when it last answered.
  bool stop_wanted() const { return *stop_wanted_; }

  using Collect = std::function<TokenTrajectories(AnyCausalLm& policy, std::uint64_t collection)>;

  /// A sampling rank's whole work: collects when asked, with the weights it gets. `stop` is asked each time. Throws
  /// Error where adapters are sent, and the model below them is not rank 0's.
  void serve(SampledPolicy const& policy, Collect const& collect, std::function<bool()> const& stop = {});

  /// What the trainers' ranks call together: a collection with the policy's weights, this rank's share of its groups.
  TokenTrajectories collect(SampledPolicy const& policy, std::uint64_t collection);

  /// Waits for what is being sampled ahead and keeps it for the next `collect`; the trainers call it together, before
  /// they write their state down.
  void await_ahead();

  /// Ends `serve` on the sampling ranks; the trainers call it together. What was sampled ahead is lost.
  void stop();

  /// The collection that was sampled ahead. Throws Error while it is still on its way.
  void state(State& s);

 private:
  struct Order {
    std::uint64_t stop = 0, collection = 0, version = 0, weights = 0;
    std::uint64_t base = 0;  // SampledPolicy::base, in the first order
  };

  Order order(Order mine);
  void send_weights(SampledPolicy const& policy);
  void ask(SampledPolicy const& policy, std::uint64_t collection);
  TokenTrajectories receive();

  ProcessGroup all_, training_, weights_;  // rank 0 and those who sample
  std::size_t trainers_ = 0;
  Placement placement_;
  bool asked_ = false;               // for a collection that has not come yet
  std::vector<std::uint8_t> ahead_;  // one that has come before it was wanted; or nothing
  bool sent_ = false;
  std::uint64_t version_ = 0;  // of the weights that the sampling ranks have
  std::shared_ptr<bool> stop_wanted_ = std::make_shared<bool>(false);
};

/// A rollout whose completions other ranks sample.
class RemoteSampler {
 public:
  RemoteSampler(std::shared_ptr<Split> split, std::size_t group) : split_(std::move(split)), group_(group) {}

  TokenTrajectories collect(SampledPolicy const& policy) { return split_->collect(policy, collections_++); }
  std::size_t group_size() const { return group_; }
  std::uint64_t collections() const { return collections_; }
  void await_ahead() { split_->await_ahead(); }
  void state(State& s) {
    s("collections", collections_);
    split_->state(s);
  }

 private:
  std::shared_ptr<Split> split_;
  std::size_t group_ = 0;
  std::uint64_t collections_ = 0;
};
static_assert(Rollout<RemoteSampler, AnyCausalLm>);

}  // namespace grove
