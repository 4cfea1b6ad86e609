// SPDX-License-Identifier: Apache-2.0
// The inside of one optimizer step: what its means are taken over, the forward and backward passes of its
// micro-batches, and what they add up.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/batch.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/objective/selection.hpp"
#include "grove/profile/span.hpp"
#include "grove/ratio_check.hpp"

namespace grove {

/// What an optimizer step adds up besides the gradients.
template <class O>
struct UpdateSums {
  typename O::tally_type tally{};
  RatioMonitor ratios{};
  double entropy = 0, entropy_tokens = 0;
  double norm = 0, rate = 0;
  std::size_t updates = 0;

  void operator+=(UpdateSums const& other) {
    updates += other.updates;
    tally += other.tally;
    entropy += other.entropy;
    entropy_tokens += other.entropy_tokens;
    norm += other.norm;
    rate = other.rate;
  }

  void report(O const& objective, Metrics& metrics) const {
    if (updates == 0) return;
    auto mean = tally;
    for (double& loss : mean.losses) loss /= static_cast<double>(updates);
    objective.report(mean, metrics);
    if (entropy_tokens > 0) metrics.set("entropy", entropy / entropy_tokens);
    metrics.set("grad_norm", norm / static_cast<double>(updates));
    metrics.set("learning_rate", rate);
  }
};

/// Forward and backward over one minibatch.
template <Policy P, class O, Communicator C>
class MinibatchPass {
  using Real = typename P::Real;

 public:
  MinibatchPass(P& policy, O const& objective, Batch<P>& batch, C& communicator, SpanHook const& on_span)
      : policy_(policy), objective_(objective), batch_(batch), communicator_(communicator), on_span_(on_span) {}

  /// Whether the pass itself compares its log-probs with the sampler's: they are the first of this batch, before any
  /// update, and no pass came before it that would have given them.
  static bool compares(Batch<P> const& batch) { return batch.plan.size() == 1 && batch.log_prob.empty(); }

  /// Adds this rank's part of the gradients. Calls `reduction.complete(parameter)` on the way back through a
  /// micro-batch (FollowsBackward), where the policy does so, and `reduction.reduce()` after each. `only_values`: the
  /// policy's own outputs get none, while a critic warms up.
  template <FollowsBackward R>
  UpdateSums<O> accumulate(Minibatch const& minibatch, SelectionKey key, bool only_values, R& reduction) {
    select(minibatch, key);
    std::vector<MicroBatchColumns<P>> columns;
    columns.reserve(minibatch.size());
    for (auto const& units : minibatch) columns.emplace_back(batch_, units);
    auto const denominators = count(columns);
    UpdateSums<O> sums{.updates = 1};
    for (auto const& part : columns) sums.tally.sequences += static_cast<double>(part.lengths.size());
    for (std::size_t m = 0; m < minibatch.size(); ++m) {
      accumulate(minibatch[m], columns[m], denominators[m], only_values, sums, reduction);
      reduction.reduce();
    }
    return sums;
  }

 private:
  static constexpr ColumnSet reported = ColumnSet(Column::LogProb) | (P::provides & ColumnSet(Column::Entropy));

  /// Lets the objective pick tokens out of the whole minibatch by the policy as it is now.
  void select(Minibatch const& minibatch, SelectionKey key) {
    auto const wanted = objective_.selection.wanted();
    if (wanted.empty()) return;
    std::vector<std::uint32_t> units;
    for (auto const& part : minibatch) units.insert(units.end(), part.begin(), part.end());
    auto const n = count_tokens(batch_.trajectories.episodes, units);
    std::vector<Real> log_prob(wanted.contains(Column::LogProb) ? n : 0);
    std::vector<Real> entropy(wanted.contains(Column::Entropy) ? n : 0);
    TokenOutputs<Real> const out{.log_prob = log_prob, .entropy = entropy};
    std::as_const(policy_).score(batch_.trajectories, units, wanted, out);
    batch_.selected.clear();
    MicroBatchColumns<P> const columns(batch_, units);
    auto rows = columns.rows();
    rows.log_p = log_prob;
    rows.entropy = entropy;
    if (rows.log_p_old.empty()) rows.log_p_old = log_prob;
    std::vector<Real> selected(n);
    objective_.selection(rows, key, communicator_, std::span(selected));
    scatter(units, selected);
  }

  void scatter(std::span<const std::uint32_t> units, std::vector<Real> const& selected) {
    auto const& starts = batch_.trajectories.episodes.cu_seqlens;
    batch_.selected.resize(starts.back());
    auto from = selected.begin();
    for (auto s : units) {
      auto const length = static_cast<std::ptrdiff_t>(starts[s + 1] - starts[s]);
      std::copy_n(from, length, batch_.selected.begin() + static_cast<std::ptrdiff_t>(starts[s]));
      from += length;
    }
  }

  /// What each term's mean is taken over in each micro-batch: one collective a minibatch, or none.
  std::vector<typename O::denominators_type> count(std::vector<MicroBatchColumns<P>> const& columns) {
    std::vector<typename O::counts_type> local(columns.size());
    for (std::size_t m = 0; m < columns.size(); ++m) objective_.count(columns[m].rows(), local[m]);
    typename O::counts_type window{};
    for (auto const& counts : local)
      for (std::size_t i = 0; i < counts.size(); ++i) window[i] += counts[i];
    auto across = local;
    if (communicator_.size() > 1) {
      for (auto& c : window) all_reduce(c);
      if (objective_.depends_on_micro_batch) {
        check_equal_splits(columns.size());
        for (auto& counts : across)
          for (auto& c : counts) all_reduce(c);
      }
    }
    std::vector<typename O::denominators_type> denominators(columns.size());
    for (std::size_t m = 0; m < columns.size(); ++m)
      for (std::size_t i = 0; i < window.size(); ++i)
        denominators[m][i] = {.micro_batch = local[m][i],
                              .data_parallel = across[m][i],
                              .window = window[i],
                              .micro_batches = static_cast<double>(columns.size()),
                              .ranks = static_cast<double>(communicator_.size())};
    return denominators;
  }

  void all_reduce(Counts& counts) {
    std::array<double, 2> sums = {counts.sequences, counts.tokens};
    communicator_.all_reduce_sum(sums);
    counts = {sums[0], sums[1]};
  }

  void check_equal_splits(std::size_t micro_batches) {
    auto const n = static_cast<double>(micro_batches);
    std::array<double, 2> sums = {n, n * n};
    communicator_.all_reduce_sum(sums);
    if (sums[0] * sums[0] != static_cast<double>(communicator_.size()) * sums[1])
      throw Error("Trainer", "ranks have different numbers of micro-batches", "as many on each rank",
                  "use the Window scope, whose means do not depend on the split");
  }

  /// What a policy calls during its pass.
  template <class F, class R>
  struct Consumer {
    F const& consume;
    R& reduction;
    void operator()(std::size_t first, TokenOutputs<Real> outputs, TokenGradients<Real> gradients) const {
      consume(first, outputs, gradients);
    }
    void complete(std::size_t parameter) const { reduction.complete(parameter); }
  };

  template <class R>
  void accumulate(MicroBatch const& units, MicroBatchColumns<P> const& columns,
                  typename O::denominators_type const& denominators, bool only_values, UpdateSums<O>& sums,
                  R& reduction) {
    Span const span(on_span_, "micro-batch");
    bool const compared = compares(batch_);
    auto const consume = [&](std::size_t first, TokenOutputs<Real> outputs, TokenGradients<Real> gradients) {
      auto const rows = columns.rows(first, outputs);
      for (std::size_t i = 0; i < rows.counts.size(); ++i) {
        if (!rows.counts[i]) continue;
        if (compared) sums.ratios.add(rows.log_p[i], rows.log_p_rollout[i]);
        if (!outputs.entropy.empty()) {
          sums.entropy += static_cast<double>(outputs.entropy[i]);
          sums.entropy_tokens += 1;
        }
      }
      objective_.evaluate(rows, denominators, gradients, sums.tally);
      if (only_values) {
        std::ranges::fill(gradients.log_prob, Real(0));
        std::ranges::fill(gradients.entropy, Real(0));
      }
    };
    policy_.accumulate(batch_.trajectories, units, reported | objective_.wanted(), objective_.scope,
                       Consumer<decltype(consume), R>{consume, reduction});
  }

  P& policy_;
  O const& objective_;
  Batch<P>& batch_;
  C& communicator_;
  SpanHook const& on_span_;
};

}  // namespace grove
