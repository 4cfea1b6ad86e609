// SPDX-License-Identifier: Apache-2.0
// The one trainer. An algorithm says how rewards become advantages and how advantages become a loss; policy, rollout
// and reward are types beside it. `step()` is the way of the data, phase by phase.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/algorithm.hpp"
#include "grove/batch.hpp"
#include "grove/batch_report.hpp"
#include "grove/checkpoint/parts.hpp"
#include "grove/checkpoint/settings.hpp"
#include "grove/checkpoint/state.hpp"
#include "grove/composition_checks.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/gather.hpp"
#include "grove/metrics.hpp"
#include "grove/optim/sharded_adamw.hpp"
#include "grove/option.hpp"
#include "grove/profile/span.hpp"
#include "grove/reference.hpp"
#include "grove/reward/scorer.hpp"
#include "grove/shape.hpp"
#include "grove/solo.hpp"
#include "grove/staleness.hpp"
#include "grove/train_options.hpp"
#include "grove/update.hpp"
#include "grove/update_plan.hpp"

namespace grove {

/// What one call of `Trainer::step` did.
struct StepReport {
  std::uint64_t step = 0;   ///< counted from 1
  std::size_t updates = 0;  ///< optimizer steps applied
  std::size_t skipped = 0;  ///< optimizer steps left out because something was not finite
  Metrics metrics{};
};

template <class Alg, class P, class X, class R, class Batching = TokenBudget, class C = Solo>
class Trainer : CompositionChecks<Alg, P, X, R, Batching, C> {
  using Real = typename P::Real;
  using Trajectories = typename P::Trajectories;

 public:
  /// Throws Error where a number of the algorithm is outside its range or does not fit the rollout.
  Trainer(Alg algorithm, P policy, X rollout, R reward, TrainOptions options = {}, Batching batching = {},
          C communicator = {})
      : algorithm_(std::move(algorithm)),
        policy_(std::move(policy)),
        rollout_(std::move(rollout)),
        reward_(std::move(reward)),
        options_(std::move(options)),
        batching_(std::move(batching)),
        communicator_(std::move(communicator)),
        scorer_(options_.scoring),
        earlier_versions_(options_.ratio_check.staleness),
        optimizer_(options_.adamw, options_.sharding) {
    check_composition<P, Batching>(algorithm_);
    check_numbers(algorithm_, rollout_, options_);
    check_warmup(algorithm_, policy_, options_);
    check_staleness<Real>(objective(), options_);
    if (wants(Column::RefLogProb)) reference_.emplace(policy_, options_.reference);
    settings_ = settings_of(algorithm_, options_);
  }

  /// One batch: rollouts, rewards, advantages, updates. If it throws, parameters and optimizer are those after the last
  /// update that was completed; an error of the update phase says how many of this batch's updates that is.
  StepReport step() {
    StepReport report{.step = step_ + 1};
    Span const whole(options_.on_span, "step");
    Stopwatch watch(report.metrics);
    Batch<P> batch = phase("gather", watch, [&] { return gather(report); });
    phase("score", watch, [&] { score(batch, report); });
    phase("shape", watch, [&] { shape<R>(batch, algorithm_.shaping, report.metrics); });
    phase("estimate", watch, [&] { estimate(batch, report); });
    phase("update", watch, [&] {
      update(batch, report);
      all_reduce_report(batch.rewards, batch.trajectories.episodes, report.metrics, communicator_);
    });
    watch.total("step_time");
    if (options_.on_step) options_.on_step(size_of(batch), report.metrics);
    ++step_;
    if (reference_) reference_->follow(policy_, step_, options_.reference);
    last_ = std::move(batch);
    return report;
  }

  /// `steps` steps; after each one every observer is called with the trainer and the report, in their order: one that
  /// takes the report by reference may add metrics for those behind it. One that returns true stops. Those with
  /// `finished(trainer)` are told of the end.
  template <class... Observers>
  void run(std::size_t steps, Observers&&... observers) {
    for (std::size_t i = 0; i < steps; ++i) {
      auto report = step();
      bool stop = false;
      ((stop |= observe(observers, report)), ...);
      if (stop) break;
    }
    (finish(observers), ...);
  }

  /// All that the next step depends on, for a checkpoint: one list writes it down and takes it over.
  void state(State& s) {
    static_assert(Stateful<X>,
                  "grove::Trainer: a checkpoint must know how far the rollout has come; give it `void state(State& s)` "
                  "that hands each of its counters to s, or does nothing where it has none.");
    s("step", step_);
    s("updates", updates_);
    detail::parameters_state(s, policy_);
    detail::optimizer_state(s, optimizer_, policy_.parameters(), communicator_.rank(), communicator_.size());
    s("rollout", rollout_);
    if (options_.ratio_check.staleness > 0) s("earlier_versions", earlier_versions_);
    if constexpr (Stateful<Alg>) s("algorithm", algorithm_);
    if constexpr (Stateful<R>) s("reward", reward_);
    if (reference_) s.within("reference", [&] { reference_->state(s, options_.reference); });
  }

  /// The options that the trainer was built with, as text.
  Settings const& settings() const { return settings_; }

  P& policy() { return policy_; }
  P const& policy() const { return policy_; }
  X& rollout() { return rollout_; }
  R const& reward() const { return reward_; }
  Alg const& algorithm() const { return algorithm_; }
  OptimizerOver<C>& optimizer() { return optimizer_; }
  TrainOptions const& options() const { return options_; }
  C& communicator() { return communicator_; }
  std::uint64_t steps() const { return step_; }
  /// The batch of the last completed step, for observers that record it.
  Batch<P> const& last() const { return last_; }

 private:
  /// Runs a phase: the other ranks and the profile know of it, and its seconds become a metric.
  template <class F>
  auto phase(std::string_view name, Stopwatch& watch, F&& f) {
    if constexpr (requires { communicator_.phase(name); })
      if (communicator_.size() > 1) communicator_.phase(std::string(name) + " of step " + std::to_string(step_ + 1));
    Span const span(options_.on_span, name);
    Stopwatch::Lap const lap(watch, "timing/" + std::string(name));
    return f();
  }

  /// What one pass over the batch computes, and how many of them this step made.
  StepSize size_of(Batch<P> const& batch) const {
    auto const& t = batch.trajectories;
    StepSize size{.sequences = t.episodes.sequences(), .sampled_tokens = t.episodes.tokens()};
    for (std::size_t s = 0; s < size.sequences; ++s) {
      auto length = static_cast<double>(t.episodes.length(s));
      if constexpr (requires { t.samples[s].context(); }) length += static_cast<double>(t.samples[s].context().size());
      size.tokens += length;
      size.squared_lengths += length * length;
    }
    size.scored_passes = static_cast<std::size_t>(!scored(batch.plan.size()).empty()) + (reference_ ? 1 : 0);
    size.trained_passes = options_.epochs;
    return size;
  }

  /// gather: completions and their rewards, and the plan of the updates.
  Batch<P> gather(StepReport& report) {
    auto batch =
        grove::gather<P>(policy_, rollout_, reward_, scorer_, algorithm_.filter, report.metrics, communicator_);
    auto const& episodes = batch.trajectories.episodes;
    batch.counts = episodes.chosen();
    if (options_.mask_truncated_completions)
      for (std::size_t s = 0; s < episodes.sequences(); ++s)
        if (episodes.truncated[s])
          std::fill(batch.counts.begin() + episodes.cu_seqlens[s], batch.counts.begin() + episodes.cu_seqlens[s + 1],
                    0);
    if constexpr (requires { batch.trajectories.plan; }) batch.plan = batch.trajectories.plan;
    if (batch.plan.empty())
      batch.plan = plan_updates(Units<P>(episodes), batching_, options_.epochs, options_.minibatches, options_.seed,
                                step_, communicator_.size() > 1);
    check_batch(batch);
    leave_out_declined(batch);
    if constexpr (requires { rollout_.collect_greedy(policy_, batch.trajectories), algorithm_.advantage.needs_greedy; })
      if (algorithm_.advantage.needs_greedy)
        batch.greedy_reward = greedy_rewards<P>(policy_, rollout_, reward_, scorer_, batch.trajectories);
    report_batch(batch.rewards, episodes, report.metrics);
    scorer_.report(report.metrics);
    if constexpr (requires { rollout_.report(report.metrics); }) rollout_.report(report.metrics);
    return batch;
  }

  /// score: the columns that need a forward pass before the first update, and no others.
  void score(Batch<P>& batch, StepReport& report) {
    auto const& t = batch.trajectories;
    std::vector<std::uint32_t> all(t.episodes.sequences());
    std::iota(all.begin(), all.end(), 0u);
    ColumnSet const wanted = scored(batch.plan.size());
    TokenOutputs<Real> out;
    auto const column = [&](Column name, std::vector<Real>& values, std::size_t size) {
      if (wanted.contains(name)) values.resize(size);
      return std::span(values);
    };
    out.log_prob = column(Column::LogProb, batch.log_prob, t.episodes.tokens());
    out.sum_squares = column(Column::SumSquares, batch.sum_squares, t.episodes.tokens());
    out.value = column(Column::Value, batch.value, t.episodes.tokens());
    out.bootstrap = column(Column::Value, batch.bootstrap, t.episodes.sequences());
    if (!wanted.empty()) std::as_const(policy_).score(t, all, wanted, out);
    if (reference_) {
      batch.ref_log_prob.resize(t.episodes.tokens());
      reference_->score(policy_, t, all, batch.ref_log_prob);
    }
    check_ratio(batch, report);
    // With one update its own forward pass gives the old log-probs, and the ratio is exactly 1.
    bool const current = options_.old_log_probs == OldLogProbs::Current ||
                         (batch.plan.size() <= 1 && options_.old_log_probs != OldLogProbs::Sampled);
    if (current) return;
    auto const sampled = t.rollout_log_probs();
    if (use_sampled())
      batch.old_log_prob.assign(sampled.begin(), sampled.end());
    else
      batch.old_log_prob = batch.log_prob;
  }

  /// The policy's columns that someone reads before the first update. A single update has the log-probs of its own
  /// forward pass, and is compared with the sampler's there (MinibatchPass::compares); old log-probs that the sampler
  /// gave are compared before anything is learnt from them.
  ColumnSet scored(std::size_t updates) const {
    ColumnSet wanted = algorithm_.advantage.needs & ColumnSet{Column::LogProb, Column::SumSquares, Column::Value};
    if (objective().wanted().contains(Column::Value)) wanted = wanted | Column::Value;
    bool const one_pass_serves =
        updates <= 1 && (options_.old_log_probs != OldLogProbs::Sampled || options_.ratio_check.staleness > 0);
    if (!one_pass_serves || algorithm_.shaping.wanted().contains(Column::LogProb)) wanted = wanted | Column::LogProb;
    return wanted;
  }

  /// Every token must come from the policy as it is now, with the log-prob the policy gives it now, unless the options
  /// say that it may be older.
  void check_ratio(Batch<P> const& batch, StepReport& report) {
    RatioMonitor monitor;
    auto const version = policy_.version();
    monitor.add_stale(earlier_versions_.count_stale(batch.trajectories.policy_versions(), version, report.metrics));
    earlier_versions_.add(version);
    auto const sampled = batch.trajectories.rollout_log_probs();
    for (std::size_t i = 0; i < batch.log_prob.size(); ++i)
      if (batch.counts[i]) monitor.add(batch.log_prob[i], sampled[i]);
    monitor.check(options_.ratio_check, report.step, report.metrics);
  }

  /// Whether the sampler's own log-probs stand for the old policy's. Left to itself only where they are the trainer's
  /// up to f32 rounding: in bf16 the two passes may round apart, and over a sequence the differences add up.
  bool use_sampled() {
    if (options_.old_log_probs != OldLogProbs::Auto) return options_.old_log_probs == OldLogProbs::Sampled;
    auto const is_exact = [](ParameterView const& p) { return p.dtype != Dtype::BF16; };
    return objective().scope == Scope::Token && std::ranges::all_of(policy_.parameters(), is_exact);
  }

  /// estimate: advantages and, for a critic, value targets.
  void estimate(Batch<P>& batch, StepReport& report) {
    auto const tokens = batch.trajectories.episodes.tokens();
    batch.advantage.assign(tokens, Real(0));
    if (objective().wanted().contains(Column::Value)) batch.returns.assign(tokens, Real(0));
    EstimatorInput<Real> const in{.episodes = batch.trajectories.episodes,
                                  .rewards = batch.rewards,
                                  .reward = batch.reward,
                                  .valid = batch.valid,
                                  .counts = batch.counts,
                                  .token_reward = batch.token_reward,
                                  .greedy_reward = batch.greedy_reward,
                                  .value = batch.value,
                                  .bootstrap = batch.bootstrap,
                                  .log_prob = batch.log_prob,
                                  .sum_squares = batch.sum_squares};
    EstimatorOutput<Real> const out{batch.advantage, batch.returns, report.metrics};
    if constexpr (requires { algorithm_.advantage(in, out, communicator_); })
      algorithm_.advantage(in, out, communicator_);
    else
      algorithm_.advantage(in, out);
    if (!batch.returns.empty()) report_critic<Real>(batch.value, batch.returns, batch.counts, report.metrics);
  }

  /// update: one optimizer step for each minibatch of the plan.
  void update(Batch<P>& batch, StepReport& report) {
    UpdateSums<objective_type> sums;
    for (std::size_t i = 0; i < batch.plan.size(); ++i) {
      try {
        Span const span(options_.on_span, "optimizer step");
        sums += update_once(batch, i, report);
      } catch (RatioAlarm const&) {
        throw;
      } catch (std::exception const& e) {
        throw Error(
            "step " + std::to_string(report.step), e.what(), {},
            std::to_string(report.updates) + " of " + std::to_string(batch.plan.size()) + " updates were applied");
      }
    }
    sums.report(objective(), report.metrics);
    // A controller of KL in the reward follows the same measured KL that the metrics show.
    if constexpr (requires { algorithm_.shaping.adapt(0.0); })
      if (auto const kl = report.metrics.find("kl"); kl && !algorithm_.shaping.wanted().empty())
        algorithm_.shaping.adapt(*kl);
    report.metrics.set("skipped_updates", static_cast<double>(report.skipped));
  }

  /// Gradients of one minibatch, clipped and applied, unless something is not finite: then nothing changes and the
  /// update is counted as skipped. All ranks see the same sums, so they decide alike.
  UpdateSums<objective_type_of<Alg>> update_once(Batch<P>& batch, std::size_t i, StepReport& report) {
    bool const only_values = step_ < options_.value_warmup_steps;
    auto const parameters = trained(only_values);
    optimizer_.begin(parameters, communicator_, batch.plan[i].size());
    SelectionKey const key{.seed = options_.seed, .step = step_, .update = i};
    MinibatchPass<P, objective_type, C> pass(policy_, algorithm_.objective, batch, communicator_, options_.on_span);
    Reduction<OptimizerOver<C>, C> reduction{optimizer_, parameters, communicator_};
    auto sums = pass.accumulate(batch.plan[i], key, only_values, reduction);
    if (MinibatchPass<P, objective_type, C>::compares(batch))
      sums.ratios.check(options_.ratio_check, report.step, report.metrics);
    sums.norm = optimizer_.finish(parameters, communicator_, options_.on_gradients != nullptr);
    sums.tally.all_reduce(communicator_);
    sums.rate = options_.schedule(updates_);
    if (options_.on_gradients) options_.on_gradients(updates_, parameters);
    if (!std::isfinite(sums.norm) || !std::isfinite(sums.tally.loss())) {
      ++report.skipped;
      sums.norm = 0;
      return sums;
    }
    Span const span(options_.on_span, "apply");
    optimizer_.apply(parameters, communicator_, sums.rate, clip_scale(sums.norm, options_.max_grad_norm));
    policy_.commit();
    ++updates_;
    ++report.updates;
    algorithm_.objective.adapt(sums.tally);
    return sums;
  }

  /// The parameters as an update sees them: while a critic warms up all others are frozen.
  std::vector<ParameterView> trained(bool only_values) {
    auto const& views = policy_.parameters();
    std::vector<ParameterView> parameters(views.begin(), views.end());
    if (only_values)
      for (auto& p : parameters) p.frozen = !p.critic;
    return parameters;
  }

  bool wants(Column column) const {
    return objective().wanted().contains(column) || algorithm_.shaping.wanted().contains(column);
  }

  auto const& objective() const { return algorithm_.objective; }

  template <class Observer>
  void finish(Observer& observer) {
    if constexpr (requires { observer.finished(*this); }) observer.finished(*this);
  }

  template <class Observer>
  bool observe(Observer& observer, StepReport& report) {
    if constexpr (std::convertible_to<std::invoke_result_t<Observer&, Trainer&, StepReport&>, bool>) {
      return observer(*this, report);
    } else {
      observer(*this, report);
      return false;
    }
  }

  using objective_type = typename Alg::objective_type;

  Alg algorithm_;
  P policy_;
  X rollout_;
  R reward_;
  TrainOptions options_;
  Batching batching_;
  C communicator_;
  Scorer scorer_;
  EarlierVersions earlier_versions_;
  OptimizerOver<C> optimizer_;
  std::optional<Reference<P>> reference_;
  Settings settings_;
  Batch<P> last_;
  std::uint64_t step_ = 0;
  std::uint64_t updates_ = 0;
};

}  // namespace grove
