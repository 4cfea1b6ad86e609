// SPDX-License-Identifier: Apache-2.0
// What a composition must fulfil, and the sentence it gets where it does not. Where the pieces are types, wrong
// products do not compile; a composition chosen at run time is asked the same questions when the trainer is built.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

#include "grove/batch.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/gather.hpp"
#include "grove/option.hpp"
#include "grove/reward/score_batch.hpp"
#include "grove/solo.hpp"
#include "grove/train_options.hpp"
#include "grove/update_plan.hpp"

namespace grove {

namespace detail {

/// Whether a piece's `needs` are known to the compiler; those of a composition chosen at run time are not.
template <class X>
concept StaticNeeds = requires {
  typename std::bool_constant<X::needs.empty()>;
};

inline constexpr ColumnSet policy_columns = {Column::LogProb, Column::Entropy, Column::SumSquares, Column::Value};

/// Whether a policy provides what a piece reads of it.
template <class X, class P>
constexpr bool provided() {
  if constexpr (StaticNeeds<X>)
    return ((X::needs & policy_columns) - P::provides).empty();
  else
    return true;
}

template <class O>
constexpr bool depends_on_split() {
  if constexpr (requires { typename std::bool_constant<O::depends_on_micro_batch>; })
    return O::depends_on_micro_batch;
  else
    return false;
}

/// A ratio of whole sequences belongs under a mean of sequences; their sum is LUSPO's.
template <class O>
constexpr bool sequence_ratio_misplaced() {
  if constexpr (requires { typename O::aggregate_type::scope; }) {
    using A = typename O::aggregate_type;
    using S = typename A::scope;
    return O::has_sequence_ratio && !std::same_as<A, SequenceMean<S>> && !std::same_as<A, SequenceSum<S>>;
  } else {
    return false;
  }
}

template <class A>
constexpr bool needs_greedy() {
  if constexpr (requires { typename std::bool_constant<A::needs_greedy>; })
    return A::needs_greedy;
  else
    return false;
}

template <class A>
constexpr bool needs_groups() {
  if constexpr (requires { typename std::bool_constant<A::needs_groups>; })
    return A::needs_groups;
  else
    return false;
}

/// A rollout whose sequences answer no common problem says so: `static constexpr bool collects_groups = false`.
template <class X>
constexpr bool collects_groups() {
  if constexpr (requires { typename std::bool_constant<X::collects_groups>; })
    return X::collects_groups;
  else
    return true;
}

template <class O, class P>
constexpr bool updates_by_token_make_sense() {
  if constexpr (unit_of<P> == Unit::Token && StaticNeeds<O>)
    return O::counts_tokens_alone;
  else
    return true;
}

template <class O, class S, class P>
constexpr bool reference_can_be_made() {
  if constexpr (StaticNeeds<O> && StaticNeeds<S>) {
    if constexpr ((O::needs | S::needs).contains(Column::RefLogProb)) return requires(P const& p) {
        { p.clone() } -> std::same_as<P>;
      };
    else
      return true;
  } else {
    return true;
  }
}

}  // namespace detail

template <class Alg>
using objective_type_of = typename Alg::objective_type;

/// Base of `Trainer`: nothing but its static_asserts, in the order a newcomer meets them.
template <class Alg, class P, class X, class R, class Batching, class C = Solo>
struct CompositionChecks {
  using A = typename Alg::advantage_type;
  using O = typename Alg::objective_type;
  using S = typename Alg::shaping_type;

  static_assert(Policy<P>,
                "grove::Trainer: the second argument is no policy; it needs Real, Trajectories, provides, score, "
                "accumulate, parameters, version and commit, as concepts.hpp describes them.");
  static_assert(Rollout<X, P>,
                "grove::Trainer: the rollout cannot collect with this policy; give it a member "
                "`Trajectories collect(Policy&)` that returns the policy's own Trajectories.");
  static_assert(
      BatchReward<R, typename P::Trajectories> || ScorableBy<R, typename P::Trajectories>,
      "grove::Trainer: this is no reward for the policy's trajectories; write "
      "`std::optional<double> operator()(Problem const&, Completion const&) const`, or use EnvironmentReward.");
  static_assert(detail::provided<A, P>(),
                "grove::Trainer: the advantage estimator reads a column that the policy does not provide (values, for "
                "example); use WithValueHead<P>, or an estimator without a critic such as GroupRelative.");
  static_assert(
      detail::provided<O, P>(),
      "grove::Trainer: the objective reads a column that the policy does not provide; leave the term out or use "
      "a policy that computes it.");
  static_assert(!detail::needs_groups<A>() || detail::collects_groups<X>(),
                "grove::Trainer: the advantage estimator compares answers to one problem, and this rollout collects "
                "none; use an estimator with a critic such as Gae.");
  static_assert(
      !detail::needs_greedy<A>() ||
          requires(X & x, P& p, typename P::Trajectories const& t) {
            { x.collect_greedy(p, t) } -> std::same_as<typename P::Trajectories>;
          },
      "grove::Trainer: the advantage estimator compares with a greedy completion of each problem; give the rollout "
      "`Trajectories collect_greedy(Policy&, Trajectories const&)`.");
  static_assert(
      !(detail::depends_on_split<O>() && Batching::splits_by_length),
      "grove::Trainer: an aggregate of Local or DataParallel scope with TokenBudget makes the loss depend on how "
      "lengths happen to fill micro-batches; use the Window scope, or SequencesPerMicroBatch.");
  static_assert(!detail::sequence_ratio_misplaced<O>(),
                "grove::Trainer: a sequence-level ratio belongs under SequenceMean (or, as LUSPO has it, under "
                "SequenceSum); under another aggregate long sequences outvote short ones.");
  static_assert(detail::updates_by_token_make_sense<O, P>(),
                "grove::Trainer: this policy is updated token by token, which leaves no sequence to speak of; use "
                "TokenMean and terms of Scope::Token.");
  static_assert(Communicator<C>,
                "grove::Trainer: the ranks cannot add up what they have; give the communicator `std::size_t rank()`, "
                "`std::size_t size()` and `void all_reduce_sum(std::span<double>)`.");
  static_assert(detail::reference_can_be_made<O, S, P>(),
                "grove::Trainer: the composition compares with a reference policy; give the policy a member `P "
                "clone() const`.");
};

/// The same questions as the static_asserts above, for a composition that was chosen at run time.
template <class P, class Batching, class Alg>
void check_composition(Alg const& algorithm) {
  auto const read = [&](ColumnSet wanted) { return ((wanted & detail::policy_columns) - P::provides).empty(); };
  if (!read(algorithm.advantage.needs) || !read(algorithm.objective.wanted()))
    throw Error("Trainer", "the algorithm reads a column that the policy does not provide",
                "a policy with a value head for algorithms with a critic, and one with entropy for those that use it");
  if (algorithm.objective.depends_on_micro_batch && Batching::splits_by_length)
    throw Error("Trainer", "the algorithm's mean is over single micro-batches, which a token budget fills by length",
                "a fixed number of sequences in each", "set per_device_train_batch_size");
}

/// The numbers of a composition, before anything is trained. Throws Error that names the option and its legal range.
template <class Alg, class X>
void check_numbers(Alg const& algorithm, X const& rollout, TrainOptions const& options) {
  if (options.epochs == 0 || options.minibatches == 0)
    throw Error(
        "TrainOptions",
        "epochs and minibatches are " + std::to_string(options.epochs) + " and " + std::to_string(options.minibatches),
        "at least 1 each");
  check_options(algorithm);
  if constexpr (requires { algorithm.advantage.check_group(rollout.group_size()); })
    if (rollout.group_size() > 0) algorithm.advantage.check_group(rollout.group_size());
}

/// Throws Error where a critic is to warm up that is not there.
template <class Alg, Policy P>
void check_warmup(Alg const& algorithm, P& policy, TrainOptions const& options) {
  if (options.value_warmup_steps == 0) return;
  auto const& parameters = policy.parameters();
  if (!algorithm.objective.wanted().contains(Column::Value) ||
      std::none_of(parameters.begin(), parameters.end(), [](ParameterView const& p) { return p.critic; }))
    throw Error("option value_warmup_steps",
                "is " + std::to_string(options.value_warmup_steps) + ", and there is no critic to warm up", "0",
                "use an algorithm with a value loss, and a policy that marks its critic's parameters as such");
}

}  // namespace grove
