// SPDX-License-Identifier: Apache-2.0
// The one trainer. An algorithm is a pair of types (how rewards become advantages, how advantages become a loss);
// policy, rollout and reward are types beside it. `step()` is the way of the data, phase by phase.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "grove/batch.hpp"
#include "grove/batch_report.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/metrics.hpp"
#include "grove/reward/score_batch.hpp"
#include "grove/solo.hpp"
#include "grove/train_options.hpp"
#include "grove/update_plan.hpp"

namespace grove {

/// What an algorithm *is*; the numbers are members of the two pieces.
template <AdvantageEstimator A, Objective O>
struct Algorithm {
  using advantage_type = A;
  using objective_type = O;

  A advantage{};
  O objective{};

  static std::string describe() { return "Algorithm<" + A::describe() + ", " + O::describe() + ">"; }
};

/// What one call of `Trainer::step` did.
struct StepReport {
  std::uint64_t step = 0;   ///< counted from 1
  std::size_t updates = 0;  ///< optimizer steps applied
  std::size_t skipped = 0;  ///< optimizer steps left out because something was not finite
  Metrics metrics{};
};

template <class Alg, Policy P, class X, class R, class Batching = TokenBudget, Communicator C = Solo>
class Trainer {
  using A = typename Alg::advantage_type;
  using O = typename Alg::objective_type;
  using Real = typename P::Real;
  using Trajectories = typename P::Trajectories;

  static constexpr ColumnSet from_policy = {Column::LogProb, Column::Entropy, Column::SumSquares, Column::Value};

  static_assert(Rollout<X, P>,
                "grove::Trainer: the rollout cannot collect with this policy; give it a member "
                "`Trajectories collect(Policy&)` that returns the policy's own Trajectories.");
  static_assert(
      BatchReward<R, Trajectories> || ScorableBy<R, Trajectories>,
      "grove::Trainer: this is no reward for the policy's trajectories; write "
      "`std::optional<double> operator()(Problem const&, Completion const&) const`, or use EnvironmentReward.");
  static_assert(((A::needs & from_policy) - P::provides).empty() && !((A::needs - P::provides).contains(Column::Value)),
                "grove::Trainer: the advantage estimator reads a column that the policy does not provide (values, for "
                "example); use WithValueHead<P>, or an estimator without a critic such as GroupRelative.");
  static_assert(
      ((O::needs & from_policy) - P::provides).empty(),
      "grove::Trainer: the objective reads a column that the policy does not provide; leave the term out or use "
      "a policy that computes it.");
  static_assert(
      !(std::same_as<typename O::aggregate_type::scope, Local> && Batching::splits_by_length),
      "grove::Trainer: an aggregate of Local scope with TokenBudget makes the loss depend on how lengths happen to "
      "fill micro-batches; use the Window scope, or SequencesPerMicroBatch.");
  static_assert(
      O::scope != Scope::Sequence ||
          std::same_as<typename O::aggregate_type, SequenceMean<typename O::aggregate_type::scope>>,
      "grove::Trainer: a sequence-level ratio belongs under SequenceMean; under another aggregate its gradient is "
      "not that of the stated objective.");

 public:
  Trainer(Alg algorithm, P policy, X rollout, R reward, TrainOptions options = {}, Batching batching = {},
          C communicator = {})
      : algorithm_(std::move(algorithm)),
        policy_(std::move(policy)),
        rollout_(std::move(rollout)),
        reward_(std::move(reward)),
        options_(std::move(options)),
        batching_(std::move(batching)),
        communicator_(std::move(communicator)),
        optimizer_(options_.adamw) {
    if (options_.epochs == 0 || options_.minibatches == 0)
      throw Error("TrainOptions",
                  "epochs and minibatches are " + std::to_string(options_.epochs) + " and " +
                      std::to_string(options_.minibatches),
                  "at least 1 each");
    if constexpr (O::needs.contains(Column::RefLogProb)) {
      static_assert(
          requires {
            { policy_.clone() } -> std::same_as<P>;
          },
          "grove::Trainer: the objective compares with a reference policy; give the policy a member `P clone() "
          "const`.");
      if (algorithm_.objective.wanted().contains(Column::RefLogProb)) reference_.emplace(policy_.clone());
    }
  }

  /// One batch: rollouts, rewards, advantages, updates. If it throws, parameters and optimizer are those after the last
  /// update that was completed, and the error says how many of this batch's updates that is.
  StepReport step() {
    StepReport report{.step = step_ + 1};
    Stopwatch watch(report.metrics);
    Batch<P> batch = gather(report);
    watch.lap("timing/gather");
    score(batch, report);
    watch.lap("timing/score");
    shape(batch);
    estimate(batch, report);
    watch.lap("timing/estimate");
    update(batch, report);
    watch.lap("timing/update");
    watch.total("step_time");
    ++step_;
    last_ = std::move(batch);
    return report;
  }

  /// `steps` steps; after each one every observer is called with the trainer and the report. One that returns true
  /// stops.
  template <class... Observers>
  void run(std::size_t steps, Observers&&... observers) {
    for (std::size_t i = 0; i < steps; ++i) {
      auto const report = step();
      bool stop = false;
      ((stop |= observe(observers, report)), ...);
      if (stop) return;
    }
  }

  P& policy() { return policy_; }
  P const& policy() const { return policy_; }
  X& rollout() { return rollout_; }
  R const& reward() const { return reward_; }
  Alg const& algorithm() const { return algorithm_; }
  AdamW& optimizer() { return optimizer_; }
  TrainOptions const& options() const { return options_; }
  std::uint64_t steps() const { return step_; }
  /// The batch of the last completed step, for observers that record it.
  Batch<P> const& last() const { return last_; }

 private:
  /// gather: completions and their rewards.
  Batch<P> gather(StepReport& report) {
    Batch<P> batch{.trajectories = rollout_.collect(policy_)};
    batch.rewards = score_batch(reward_, std::as_const(batch.trajectories));
    auto const& episodes = batch.trajectories.episodes;
    if (batch.rewards.samples() != episodes.sequences())
      throw Error("rewards", std::to_string(batch.rewards.samples()) + " scores",
                  std::to_string(episodes.sequences()) + ", one a sequence");
    batch.counts = episodes.chosen();
    if (options_.mask_truncated_completions)
      for (std::size_t s = 0; s < episodes.sequences(); ++s)
        if (episodes.truncated[s])
          std::fill(batch.counts.begin() + episodes.cu_seqlens[s], batch.counts.begin() + episodes.cu_seqlens[s + 1],
                    0);
    if constexpr (requires { batch.trajectories.plan; }) batch.plan = batch.trajectories.plan;
    if (batch.plan.empty())
      batch.plan = plan_updates(episodes, batching_, options_.epochs, options_.minibatches, options_.seed, step_);
    report_batch(batch.rewards, episodes, report.metrics);
    return batch;
  }

  /// score: the columns that need a forward pass before the first update, and no others.
  void score(Batch<P>& batch, StepReport& report) {
    auto const& t = batch.trajectories;
    std::vector<std::uint32_t> all(t.episodes.sequences());
    std::iota(all.begin(), all.end(), 0u);
    check_versions(batch, report);
    if constexpr (O::needs.contains(Column::RefLogProb)) {
      if (reference_) {
        batch.ref_log_prob.resize(t.episodes.tokens());
        reference_->score(t, all, Column::LogProb, {.log_prob = batch.ref_log_prob});
      }
    }
    // With one update its own forward passes serve for the ratio check and as old log-probs.
    if (batch.plan.size() == 1 && options_.old_log_probs != OldLogProbs::Sampled) return;
    batch.old_log_prob.resize(t.episodes.tokens());
    policy_.score(t, all, Column::LogProb, {.log_prob = batch.old_log_prob});
    RatioMonitor monitor;
    auto const sampled = t.rollout_log_probs();
    for (std::size_t i = 0; i < batch.counts.size(); ++i)
      if (batch.counts[i]) monitor.add(batch.old_log_prob[i], sampled[i]);
    monitor.check(options_.ratio_check, report.step, report.metrics);
    if (use_sampled()) std::ranges::copy(sampled, batch.old_log_prob.begin());
    if (options_.old_log_probs == OldLogProbs::Current) batch.old_log_prob.clear();
  }

  /// Whether the sampler's own log-probs stand for the old policy's.
  bool use_sampled() {
    if (options_.old_log_probs != OldLogProbs::Auto) return options_.old_log_probs == OldLogProbs::Sampled;
    auto const is_exact = [](ParameterView const& p) { return p.dtype != Dtype::BF16; };
    return O::scope == Scope::Token && std::ranges::all_of(policy_.parameters(), is_exact);
  }

  /// Every token must come from the policy as it is now.
  void check_versions(Batch<P> const& batch, StepReport& report) {
    RatioMonitor monitor;
    auto const versions = batch.trajectories.policy_versions();
    monitor.add_stale(std::ranges::count_if(versions, [&](auto version) { return version != policy_.version(); }));
    monitor.check(options_.ratio_check, report.step, report.metrics);
  }

  /// shape: one reward a sequence out of the matrix.
  void shape(Batch<P>& batch) const {
    auto const n = batch.rewards.samples();
    batch.reward.assign(n, Real(0));
    batch.valid.assign(n, 0);
    for (std::size_t s = 0; s < n; ++s)
      if (auto const combined = batch.rewards.combined(s)) {
        batch.reward[s] = static_cast<Real>(*combined);
        batch.valid[s] = 1;
      }
  }

  /// estimate: advantages and, for a critic, value targets.
  void estimate(Batch<P>& batch, StepReport& report) const {
    auto const tokens = batch.trajectories.episodes.tokens();
    batch.advantage.assign(tokens, Real(0));
    if constexpr (O::needs.contains(Column::Value)) batch.returns.assign(tokens, Real(0));
    EstimatorInput<Real> const in{.episodes = batch.trajectories.episodes,
                                  .rewards = batch.rewards,
                                  .reward = batch.reward,
                                  .valid = batch.valid,
                                  .token_reward = {},
                                  .value = batch.old_value,
                                  .sum_squares = batch.sum_squares};
    algorithm_.advantage(in, EstimatorOutput<Real>{batch.advantage, batch.returns, report.metrics});
  }

  /// update: one optimizer step for each minibatch of the plan.
  void update(Batch<P> const& batch, StepReport& report) {
    Sums sums;
    for (std::size_t i = 0; i < batch.plan.size(); ++i) {
      try {
        zero_gradients(policy_.parameters());
        Sums part;
        for (auto const& sequences : batch.plan[i]) accumulate(batch, batch.plan[i], sequences, part, i == 0);
        if (batch.plan.size() == 1) part.ratios.check(options_.ratio_check, report.step, report.metrics);
        apply(part, report);
        sums += part;
      } catch (RatioAlarm const&) {
        throw;
      } catch (std::exception const& e) {
        throw Error(
            "step " + std::to_string(report.step), e.what(), {},
            std::to_string(report.updates) + " of " + std::to_string(batch.plan.size()) + " updates were applied");
      }
    }
    sums.report(algorithm_.objective, batch.plan.size(), report.metrics);
    report.metrics.set("skipped_updates", static_cast<double>(report.skipped));
  }

  /// What one optimizer step adds up besides the gradients.
  struct Sums {
    typename O::tally_type tally{};
    RatioMonitor ratios;
    double entropy = 0, norm = 0, rate = 0;

    void operator+=(Sums const& other) {
      tally += other.tally;
      entropy += other.entropy;
      norm += other.norm;
      rate = other.rate;
    }
    void report(O const& objective, std::size_t updates, Metrics& metrics) const {
      auto mean = tally;
      for (double& loss : mean.losses) loss /= static_cast<double>(updates);
      objective.report(mean, metrics);
      if (tally.tokens > 0) metrics.set("entropy", entropy / tally.tokens);
      metrics.set("grad_norm", norm / static_cast<double>(updates));
      metrics.set("learning_rate", rate);
    }
  };

  /// Adds one micro-batch's gradients and sums.
  void accumulate(Batch<P> const& batch, Minibatch const& minibatch, MicroBatch const& sequences, Sums& sums,
                  bool unmodified) {
    MicroBatchColumns<P> const columns(batch, sequences);
    auto const denominators = count(batch, minibatch, columns);
    auto const& objective = algorithm_.objective;
    auto const consume = [&](std::size_t first, TokenOutputs<Real> outputs, TokenGradients<Real> gradients) {
      auto const rows = columns.rows(first, outputs);
      if (unmodified && batch.plan.size() == 1) compare(rows, sums.ratios);
      for (std::size_t i = 0; i < outputs.entropy.size(); ++i)
        if (rows.counts[i]) sums.entropy += static_cast<double>(outputs.entropy[i]);
      objective.evaluate(rows, denominators, gradients, sums.tally);
    };
    policy_.accumulate(batch.trajectories, sequences, reported | objective.wanted(), O::scope, consume);
  }

  /// The counts that means are taken over: summed over ranks where the aggregate's scope is wider than this one.
  Denominators count(Batch<P> const& batch, Minibatch const& minibatch, MicroBatchColumns<P> const& micro_batch) {
    auto const& episodes = batch.trajectories.episodes;
    Counts window;
    for (auto const& sequences : minibatch)
      for (auto s : sequences) {
        window.sequences += 1;
        for (auto t = episodes.cu_seqlens[s]; t < episodes.cu_seqlens[s + 1]; ++t) window.tokens += batch.counts[t];
      }
    auto const local = micro_batch.totals();
    std::array<double, 4> sums = {window.sequences, window.tokens, local.sequences, local.tokens};
    communicator_.all_reduce_sum(sums);
    return {.micro_batch = local,
            .data_parallel = {sums[2], sums[3]},
            .window = {sums[0], sums[1]},
            .micro_batches = static_cast<double>(minibatch.size()),
            .ranks = static_cast<double>(communicator_.size())};
  }

  /// Clips and applies the gradients, unless something is not finite: then nothing changes and the step is counted.
  void apply(Sums& sums, StepReport& report) {
    auto const parameters = policy_.parameters();
    sums.norm = gradient_norm(parameters);
    sums.rate = options_.schedule(updates_);
    if (options_.on_gradients) options_.on_gradients(updates_, parameters);
    if (!std::isfinite(sums.norm) || !std::isfinite(sums.tally.loss())) {
      ++report.skipped;
      sums.norm = 0;
      return;
    }
    bool const clip = options_.max_grad_norm > 0 && sums.norm > options_.max_grad_norm;
    optimizer_.step(parameters, sums.rate, clip ? options_.max_grad_norm / (sums.norm + 1e-6) : 1.0);
    policy_.commit();
    ++updates_;
    ++report.updates;
  }

  static void compare(Rows<Real> const& rows, RatioMonitor& monitor) {
    for (std::size_t i = 0; i < rows.counts.size(); ++i)
      if (rows.counts[i]) monitor.add(rows.log_p[i], rows.log_p_rollout[i]);
  }

  template <class Observer>
  bool observe(Observer& observer, StepReport const& report) {
    if constexpr (std::convertible_to<std::invoke_result_t<Observer&, Trainer&, StepReport const&>, bool>) {
      return observer(*this, report);
    } else {
      observer(*this, report);
      return false;
    }
  }

  static constexpr ColumnSet reported = ColumnSet(Column::LogProb) | (P::provides & ColumnSet(Column::Entropy));

  Alg algorithm_;
  P policy_;
  X rollout_;
  R reward_;
  TrainOptions options_;
  Batching batching_;
  C communicator_;
  AdamW optimizer_;
  std::optional<P> reference_;
  Batch<P> last_;
  std::uint64_t step_ = 0;
  std::uint64_t updates_ = 0;
};

}  // namespace grove
