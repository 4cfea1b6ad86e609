// SPDX-License-Identifier: Apache-2.0
// Split placement: some ranks sample for the others, which train. The trainer's rollout asks and waits; the sampling
// ranks serve until they are told to stop. Weights go over when they have changed since the last collection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "grove/checkpoint/state.hpp"
#include "grove/dist/process_group.hpp"
#include "grove/dist/share.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/rollout/token_trajectories.hpp"

namespace grove {

/// Who samples: the last `samplers` of all ranks; 0: everybody does both.
struct Placement {
  std::size_t samplers = 0;

  /// "colocated" or "split:K". Throws Error for another text.
  static Placement parse(std::string const& text);

  /// Throws Error where so many ranks leave nobody to train.
  void check(std::size_t ranks) const;
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

  /// A sampling rank's whole work: collects when asked, with the weights it gets. `stop` is asked each time.
  void serve(AnyCausalLm& policy, Collect const& collect, std::function<bool()> const& stop = {});

  /// What the trainers' ranks call together: a collection with the policy's weights, this rank's share of its groups.
  TokenTrajectories collect(AnyCausalLm& policy, std::uint64_t collection);

  /// Ends `serve` on the sampling ranks; the trainers call it together.
  void stop();

 private:
  struct Order {
    std::uint64_t stop = 0, collection = 0, version = 0, weights = 0;
  };

  Order order(Order mine);
  void send_weights(AnyCausalLm& policy);

  ProcessGroup all_, training_, weights_;  // rank 0 and those who sample
  std::size_t trainers_ = 0, samplers_ = 0;
  bool sent_ = false;
  std::uint64_t version_ = 0;  // of the weights that the sampling ranks have
  std::shared_ptr<bool> stop_wanted_ = std::make_shared<bool>(false);
};

/// A rollout whose completions other ranks sample.
class RemoteSampler {
 public:
  RemoteSampler(std::shared_ptr<Split> split, std::size_t group) : split_(std::move(split)), group_(group) {}

  TokenTrajectories collect(AnyCausalLm& policy) { return split_->collect(policy, collections_++); }
  std::size_t group_size() const { return group_; }
  std::uint64_t collections() const { return collections_; }
  void state(State& s) { s("collections", collections_); }

 private:
  std::shared_ptr<Split> split_;
  std::size_t group_ = 0;
  std::uint64_t collections_ = 0;
};
static_assert(Rollout<RemoteSampler, AnyCausalLm>);

}  // namespace grove
