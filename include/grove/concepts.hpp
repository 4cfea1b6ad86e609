// SPDX-License-Identifier: Apache-2.0
// What each part of a trainer must be able to do, on one page. No implementation.
//
//   Rollout  --collects-->  Trajectories  --Reward-->  RewardMatrix  --AdvantageEstimator-->  advantages
//   Policy::score / accumulate  <-- per-token outputs and their derivatives -->  Objective
//
// Two words for what a piece reads. `needs`: every column it can ever read, known to the compiler, so that a policy
// without values does not compile under a critic's algorithm. `wanted()`: those it reads with its present numbers; with
// a KL coefficient of 0 no reference policy is loaded.
//
// Smaller pieces have their concept where they live: Aggregate (objective/aggregate.hpp), ObjectiveTerm
// (objective/terms.hpp), KlEstimator (objective/kl.hpp), RewardShaping (reward/shaping.hpp), GroupReward
// (reward/score.hpp), GroupFilter (reward/group_filter.hpp). A trainer also asks for these members, and does without
// where a type has none:
//   Trajectories  problem(i), completion(i)    what a Reward judges; without them the reward is a BatchReward
//                 token_rewards()              earned at single tokens
//                 select(sequences), append(t) for a group filter
//                 plan                         of the updates, where it was recorded
//   Rollout       state(s)                     how far it has come, for checkpoints
//                 group_size()                 which the algorithm's numbers are checked against
//                 collects_groups = false      where no two sequences answer the same problem
//                 collect_greedy(policy, t)    for estimators with needs_greedy
//                 report(metrics)
//   Policy        clone(), or score_reference  where a reference policy is compared with
//                 unit                         where updates may take single tokens
//   BatchReward   sums_token_rewards = true    its scores are the sums of token_rewards(), not to be counted twice
//   Communicator  phase(name)                  told what its rank is about to do
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "grove/advantage/estimate.hpp"
#include "grove/columns.hpp"
#include "grove/completion.hpp"
#include "grove/episodes.hpp"
#include "grove/objective/terms.hpp"
#include "grove/parameter.hpp"
#include "grove/problem.hpp"
#include "grove/reward_matrix.hpp"
#include "grove/solo.hpp"

namespace grove {

/// A batch of experience in a policy's own form: the packed shape everyone sees, what the sampler recorded of each
/// token, and a payload only that policy reads (token ids; observations and actions).
template <class T, class Real>
concept TrajectoriesOf = requires(T const& t) {
  { t.episodes } -> std::convertible_to<Episodes const&>;
  { t.rollout_log_probs() } -> std::convertible_to<std::span<const Real>>;         // [tokens]
  { t.policy_versions() } -> std::convertible_to<std::span<const std::uint64_t>>;  // [tokens]
};

/// What `Policy::accumulate` calls: outputs of tokens [first, first + n) of the units it was given, packed in their
/// order, while their graph is alive, and the place for the derivatives of the loss with respect to them (zero on
/// entry).
template <class F, class Real>
concept OutputConsumer = std::invocable<F&, std::size_t, TokenOutputs<Real>, TokenGradients<Real>>;

/// One that wants to know, while a backward pass goes on, that the gradients of parameter p and of all behind it in
/// `Policy::parameters()` are what this call of `accumulate` makes of them: ranks then exchange them behind what is
/// left of the pass. A policy that cannot tell, or of which a wrapper adds to them later, does not call it.
template <class F>
concept FollowsBackward = requires(F& f, std::size_t p) {
  f.complete(p);
};

namespace detail {
template <class Real>
struct ConsumerArchetype {
  void operator()(std::size_t, TokenOutputs<Real>, TokenGradients<Real>) const {}
};
}  // namespace detail

/// A distribution over the next token (or action) with parameters that can be trained.
///   Real, Trajectories                     arithmetic of its outputs; the experience it reads
///   provides                               the columns it can compute
///   score(t, sequences, wanted, out)       those columns for the chosen sequences, packed in their order; no gradient
///   accumulate(t, units, wanted, scope, f)
///                                          runs the forward, hands f the outputs of consecutive tokens (whole
///                                          sequences unless scope is Token), and carries the derivatives that f fills
///                                          in to the parameters' gradients. Units are sequences, or tokens of any
///                                          sequence for a policy that says `static constexpr Unit unit = Unit::Token`
///   parameters()                           where values and gradients lie
///   version(), commit()                    number of parameter states so far; tells that the values were changed
template <class P>
concept Policy = std::floating_point<typename P::Real> && TrajectoriesOf<typename P::Trajectories, typename P::Real> &&
    requires(P& p, P const& c, typename P::Trajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope,
             TokenOutputs<typename P::Real> out, detail::ConsumerArchetype<typename P::Real> f) {
  { P::provides } -> std::convertible_to<ColumnSet>;
  { c.score(t, sequences, wanted, out) } -> std::same_as<void>;
  { p.accumulate(t, sequences, wanted, scope, f) } -> std::same_as<void>;
  { p.parameters() } -> std::convertible_to<std::span<const ParameterView>>;
  { c.version() } -> std::same_as<std::uint64_t>;
  { p.commit() } -> std::same_as<void>;
};

/// Lets a policy act: problems of a data set or environments are its own, with the place it has reached in them.
template <class X, class P>
concept Rollout = requires(X& x, P& p) {
  { x.collect(p) } -> std::same_as<typename P::Trajectories>;
};

/// Judges one completion: a number, or none to decline it. Called from many threads at once.
template <class R>
concept Reward = requires(R const& r, Problem const& problem, Completion const& completion) {
  { r(problem, completion) } -> std::convertible_to<std::optional<double>>;
};

/// Judges a whole batch: what a trainer calls. A single Reward, `Sum` and `RewardSet` become one through `score_batch`.
template <class R, class T>
concept BatchReward = requires(R const& r, T const& t) {
  { r.evaluate(t) } -> std::same_as<RewardMatrix>;
};

/// Turns rewards into one advantage a token (and a value target where a critic is trained). One that takes means over
/// the batch has the ranks as a third argument.
///   needs           columns of the policy it reads: LogProb, SumSquares, Value
///   needs_groups    it compares answers to one problem
///   needs_greedy    it compares with a greedy answer (left out: it does not)
template <class A>
concept AdvantageEstimator = requires(A const& a) {
  { a.needs } -> std::convertible_to<ColumnSet>;
  { a.needs_groups } -> std::convertible_to<bool>;
  { a.describe() } -> std::convertible_to<std::string>;
}
&&(
    requires(A const& a, EstimatorInput<double> const& in, EstimatorOutput<double> out) {
      { a(in, out) } -> std::same_as<void>;
    } ||
    requires(A const& a, EstimatorInput<double> const& in, EstimatorOutput<double> out, Solo& ranks) {
      { a(in, out, ranks) } -> std::same_as<void>;
    });

/// The loss in closed form: its derivatives with respect to a policy's outputs, token by token. It is written as
/// `Terms`: a trainer also asks of the tally and of `depends_on_micro_batch` what those of `Terms` have.
///   needs, wanted, scope, describe   what it reads, how much of a sequence it must see at once, its name
///   count       what each mean is taken over, before any forward pass
///   evaluate    adds derivatives to the gradients and sums to the tally
///   report      the tally as metrics
///   adapt       moves coefficients that depend on what was measured
///   selection   picks tokens out of a minibatch, or is NoSelection
template <class O>
concept Objective = requires(O& o, O const& c, Rows<double> const& rows, typename O::counts_type& counts,
                             typename O::denominators_type const& denominators, TokenGradients<double> gradients,
                             typename O::tally_type& tally, Metrics& metrics) {
  { c.needs } -> std::convertible_to<ColumnSet>;
  { c.scope } -> std::convertible_to<Scope>;
  { c.describe() } -> std::convertible_to<std::string>;
  { c.wanted() } -> std::same_as<ColumnSet>;
  { c.selection.wanted() } -> std::same_as<ColumnSet>;
  { c.count(rows, counts) } -> std::same_as<void>;
  { c.evaluate(rows, denominators, gradients, tally) } -> std::same_as<void>;
  { c.report(tally, metrics) } -> std::same_as<void>;
  { o.adapt(tally) } -> std::same_as<void>;
};

/// The ranks that train together. Whatever has a wider scope than local takes one as an argument.
template <class C>
concept Communicator = requires(C& c, std::span<double> values) {
  { c.rank() } -> std::same_as<std::size_t>;
  { c.size() } -> std::same_as<std::size_t>;
  { c.all_reduce_sum(values) } -> std::same_as<void>;
};

}  // namespace grove
