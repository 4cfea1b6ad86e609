// SPDX-License-Identifier: Apache-2.0
// The policy that a KL penalty compares with: frozen, or following the trained one from afar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "grove/checkpoint/parts.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/optim/device_memory.hpp"
#include "grove/parameter.hpp"
#include "grove/train_options.hpp"

namespace grove {

/// A policy that can tell what it would have said before it was trained, without a second copy of its weights.
template <class P>
concept KnowsItsReference = Policy<P> && requires(P const& p, typename P::Trajectories const& t, Sequences sequences,
                                                  ColumnSet wanted, TokenOutputs<typename P::Real> out) {
  p.score_reference(t, sequences, wanted, out);
};

/// A policy whose weights can leave the device that computes with them for the host's memory, and come back. In between
/// nothing is asked of it.
template <class P>
concept Offloadable = Policy<P> && requires(P& p) {
  p.offload();
  p.onload();
};

/// The policy as it was when training began: a copy of it, or itself where it knows its own reference. Policies that
/// can do neither have none; whether a composition wants one is checked when it is composed.
template <Policy P>
class Reference {
 public:
  explicit Reference(P& policy, ReferenceSync const& sync = {})
      : policy_(copy(policy)), start_(detail::fingerprint(policy.parameters())), offload_(sync.offload) {
    if (sync.every > 0 && !policy_)
      throw Error("Trainer", "the reference policy is the trained one without its adapters, and is to follow it",
                  "a reference that stays", "leave ReferenceSync::every 0, or train all weights");
    present([] {});
  }

  void score(P const& policy, typename P::Trajectories const& t, Sequences sequences,
             std::span<typename P::Real> log_prob) {
    if constexpr (KnowsItsReference<P>)
      policy.score_reference(t, sequences, Column::LogProb, {.log_prob = log_prob});
    else
      present([&] { policy_->score(t, sequences, Column::LogProb, {.log_prob = log_prob}); });
  }

  /// reference <- mixup policy + (1 - mixup) reference every `every` steps (TR-DPO, arXiv 2404.09656; TRL's
  /// sync_ref_model). A mixup of 1 resets it.
  void follow(P& policy, std::uint64_t step, ReferenceSync const& sync) {
    if (!policy_ || sync.every == 0 || step % sync.every != 0) return;
    present([&] {
      auto const from = policy.parameters();
      auto const to = policy_->parameters();
      for (std::size_t i = 0; i < from.size(); ++i) mix(from[i], to[i], sync.mixup);
      policy_->commit();
    });
  }

  /// A reference that follows is remembered itself; of one that stays, whether it is the same one.
  void state(State& s, ReferenceSync const& sync) {
    if (policy_ && sync.every > 0) {
      present([&] { detail::parameters_state(s, *policy_); });
      return;
    }
    auto start = start_;
    s("fingerprint", start);
    if (start != start_)
      throw Error(s.source(), "the reference policy was another one", "the model that training began with",
                  "resume with the same start model");
  }

  /// The copy, which between calls may be offloaded; none of a policy that knows its own reference.
  std::optional<P> const& policy() const { return policy_; }

 private:
  /// f() with the weights where they compute.
  template <class F>
  void present(F const& f) {
    if constexpr (Offloadable<P>)
      if (offload_ && policy_) policy_->onload();
    f();
    if constexpr (Offloadable<P>)
      if (offload_ && policy_) policy_->offload();
  }

  static std::optional<P> copy(P const& policy) {
    if constexpr (KnowsItsReference<P>)
      return std::nullopt;
    else if constexpr (requires {
                         { policy.clone() } -> std::same_as<P>;
                       })
      return policy.clone();
    else
      throw Error("Trainer", "the composition compares with a reference policy", "a policy with `clone() const`");
  }

  static void mix(ParameterView from, ParameterView to, double mixup) {
    auto const source = host_values(from), target = host_values(to);
    from.value = source.bytes().data();
    to.value = target.bytes().data();
    for (std::size_t i = 0; i < from.size; ++i)
      set_value(to, i, mixup * value_at(from, i) + (1 - mixup) * value_at(to, i));
    target.write_back();
  }

  std::optional<P> policy_;
  std::uint64_t start_;
  bool offload_;
};

}  // namespace grove
