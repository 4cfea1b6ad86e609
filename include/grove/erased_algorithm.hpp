// SPDX-License-Identifier: Apache-2.0
// Makes an AnyAlgorithm of a composition. Include it where the composition is compiled, once.
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "grove/any_algorithm.hpp"
#include "grove/composition_checks.hpp"

namespace grove {

namespace detail {

template <class Alg>
class ErasedAlgorithm final : public AlgorithmInterface {
  using A = typename Alg::advantage_type;
  using O = typename Alg::objective_type;
  static_assert(O::size <= most_terms && O::metric_count <= most_metrics,
                "grove::AnyAlgorithm: the objective has more terms or metrics than the erased tally holds.");

 public:
  explicit ErasedAlgorithm(Alg algorithm) : algorithm_(std::move(algorithm)) {
    advantage_needs = A::needs;
    objective_needs = O::needs;
    shaping_needs = Alg::shaping_type::needs;
    AlgorithmInterface::needs_groups = detail::needs_groups<A>();
    AlgorithmInterface::needs_greedy = detail::needs_greedy<A>();
    depends_on_micro_batch = O::depends_on_micro_batch;
    scope = O::scope;
  }

  std::unique_ptr<AlgorithmInterface> clone() const override { return std::make_unique<ErasedAlgorithm>(*this); }
  std::string describe() const override { return Alg::describe(); }
  void options(OptionVisitor const& visit) override {
    visit_options(algorithm_, [&](Option const& option, auto& value) { visit(option, OptionValue(&value)); });
  }
  void state(State& s) override { algorithm_.state(s); }
  void check_group(std::size_t group_size) const override {
    if constexpr (requires { algorithm_.advantage.check_group(group_size); })
      algorithm_.advantage.check_group(group_size);
  }

  ColumnSet wanted() const override { return algorithm_.objective.wanted(); }
  ColumnSet selection_wanted() const override { return algorithm_.objective.selection.wanted(); }
  ColumnSet shaping_wanted() const override { return algorithm_.shaping.wanted(); }
  void report(AnyTally const& tally, Metrics& metrics) const override {
    algorithm_.objective.report(narrow(tally), metrics);
  }
  void adapt(AnyTally const& tally) override { algorithm_.objective.adapt(narrow(tally)); }
  void adapt_shaping(double kl) override {
    if constexpr (requires { algorithm_.shaping.adapt(kl); }) algorithm_.shaping.adapt(kl);
  }
  bool keeps(std::span<const double> rewards) const override { return algorithm_.filter.keeps(rewards); }
  std::size_t collections() const override { return algorithm_.filter.collections(); }

  void estimate(EstimatorInput<float> const& in, EstimatorOutput<float> out, AnyCommunicator& ranks) const override {
    estimate_as(in, out, ranks);
  }
  void estimate(EstimatorInput<double> const& in, EstimatorOutput<double> out, AnyCommunicator& ranks) const override {
    estimate_as(in, out, ranks);
  }
  void shape(ShapingInput<float> const& in, std::span<float> token_reward, Metrics& metrics) const override {
    algorithm_.shaping(in, token_reward, metrics);
  }
  void shape(ShapingInput<double> const& in, std::span<double> token_reward, Metrics& metrics) const override {
    algorithm_.shaping(in, token_reward, metrics);
  }
  void count(Rows<float> const& rows, AnyCounts& counts) const override { count_as(rows, counts); }
  void count(Rows<double> const& rows, AnyCounts& counts) const override { count_as(rows, counts); }
  void evaluate(Rows<float> const& rows, AnyDenominators const& denominators, TokenGradients<float> gradients,
                AnyTally& tally) const override {
    evaluate_as(rows, denominators, gradients, tally);
  }
  void evaluate(Rows<double> const& rows, AnyDenominators const& denominators, TokenGradients<double> gradients,
                AnyTally& tally) const override {
    evaluate_as(rows, denominators, gradients, tally);
  }
  void select(Rows<float> const& rows, SelectionKey key, AnyCommunicator& ranks,
              std::span<float> selected) const override {
    algorithm_.objective.selection(rows, key, ranks, selected);
  }
  void select(Rows<double> const& rows, SelectionKey key, AnyCommunicator& ranks,
              std::span<double> selected) const override {
    algorithm_.objective.selection(rows, key, ranks, selected);
  }

 private:
  template <class T>
  void estimate_as(EstimatorInput<T> const& in, EstimatorOutput<T> out, AnyCommunicator& ranks) const {
    if constexpr (requires { algorithm_.advantage(in, out, ranks); })
      algorithm_.advantage(in, out, ranks);
    else
      algorithm_.advantage(in, out);
  }

  template <class T>
  void count_as(Rows<T> const& rows, AnyCounts& counts) const {
    typename O::counts_type own{};
    algorithm_.objective.count(rows, own);
    for (std::size_t i = 0; i < own.size(); ++i) counts[i] += own[i];
  }

  template <class T>
  void evaluate_as(Rows<T> const& rows, AnyDenominators const& denominators, TokenGradients<T> gradients,
                   AnyTally& tally) const {
    typename O::denominators_type own;
    std::copy_n(denominators.begin(), own.size(), own.begin());
    typename O::tally_type sums;
    algorithm_.objective.evaluate(rows, own, gradients, sums);
    for (std::size_t i = 0; i < O::size; ++i) tally.losses[i] += sums.losses[i];
    for (std::size_t i = 0; i < O::size; ++i) tally.tokens[i] += sums.tokens[i];
    for (std::size_t i = 0; i < O::metric_count; ++i) tally.metrics[i] += sums.metrics[i];
  }

  static typename O::tally_type narrow(AnyTally const& tally) {
    typename O::tally_type own;
    std::copy_n(tally.losses.begin(), O::size, own.losses.begin());
    std::copy_n(tally.tokens.begin(), O::size, own.tokens.begin());
    std::copy_n(tally.metrics.begin(), O::metric_count, own.metrics.begin());
    own.sequences = tally.sequences;
    return own;
  }

  Alg algorithm_;
};

}  // namespace detail

template <class Alg>
AnyAlgorithm erase(Alg algorithm) {
  std::unique_ptr<detail::AlgorithmInterface> erased =
      std::make_unique<detail::ErasedAlgorithm<Alg>>(std::move(algorithm));
  return AnyAlgorithm(std::move(erased));
}

}  // namespace grove
