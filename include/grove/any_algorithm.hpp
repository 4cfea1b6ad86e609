// SPDX-License-Identifier: Apache-2.0
// An algorithm chosen at run time, as an ordinary model of the concepts: the one place where a composition's types are
// erased, so that a command line can offer all of them without building a trainer for each. The arithmetic stays the
// composition's own: an erased call covers a whole column of tokens.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "grove/algorithm.hpp"
#include "grove/concepts.hpp"
#include "grove/option.hpp"

namespace grove {

/// The ranks, for code that is compiled once for all of them.
class AnyCommunicator {
 public:
  template <Communicator C>
    requires(!std::same_as<C, AnyCommunicator>)
  explicit AnyCommunicator(C& ranks)
      : rank_(ranks.rank()), size_(ranks.size()), reduce_([&ranks](std::span<double> x) { ranks.all_reduce_sum(x); }) {}

  std::size_t rank() const { return rank_; }
  std::size_t size() const { return size_; }
  void all_reduce_sum(std::span<double> values) const {
    if (size_ > 1) reduce_(values);
  }

 private:
  std::size_t rank_, size_;
  std::function<void(std::span<double>)> reduce_;
};

/// An option's number, wherever it lies.
using OptionValue = std::variant<double*, std::size_t*, bool*>;
using OptionVisitor = std::function<void(Option const&, OptionValue)>;

namespace detail {

inline constexpr std::size_t most_terms = 6, most_metrics = 16;
using AnyTally = Tally<most_terms, most_metrics>;
using AnyCounts = std::array<Counts, most_terms>;
using AnyDenominators = std::array<Denominators, most_terms>;

/// What does not depend on the arithmetic.
struct AlgorithmInterface {
  ColumnSet advantage_needs{}, objective_needs{}, shaping_needs{};
  bool needs_groups = false, needs_greedy = false, depends_on_micro_batch = false;
  Scope scope = Scope::Token;

  virtual ~AlgorithmInterface() = default;
  virtual std::unique_ptr<AlgorithmInterface> clone() const = 0;
  virtual std::string describe() const = 0;
  virtual void options(OptionVisitor const& visit) = 0;
  virtual void state(State& s) = 0;
  virtual void check_group(std::size_t group_size) const = 0;

  virtual ColumnSet wanted() const = 0;
  virtual ColumnSet selection_wanted() const = 0;
  virtual ColumnSet shaping_wanted() const = 0;
  virtual void report(AnyTally const& tally, Metrics& metrics) const = 0;
  virtual void adapt(AnyTally const& tally) = 0;
  virtual void adapt_shaping(double kl) = 0;
  virtual bool keeps(std::span<const double> rewards) const = 0;
  virtual std::size_t collections() const = 0;

  virtual void estimate(EstimatorInput<float> const& in, EstimatorOutput<float> out, AnyCommunicator& ranks) const = 0;
  virtual void estimate(EstimatorInput<double> const& in, EstimatorOutput<double> out,
                        AnyCommunicator& ranks) const = 0;
  virtual void shape(ShapingInput<float> const& in, std::span<float> token_reward, Metrics& metrics) const = 0;
  virtual void shape(ShapingInput<double> const& in, std::span<double> token_reward, Metrics& metrics) const = 0;
  virtual void count(Rows<float> const& rows, AnyCounts& counts) const = 0;
  virtual void count(Rows<double> const& rows, AnyCounts& counts) const = 0;
  virtual void evaluate(Rows<float> const& rows, AnyDenominators const& denominators, TokenGradients<float> gradients,
                        AnyTally& tally) const = 0;
  virtual void evaluate(Rows<double> const& rows, AnyDenominators const& denominators, TokenGradients<double> gradients,
                        AnyTally& tally) const = 0;
  virtual void select(Rows<float> const& rows, SelectionKey key, AnyCommunicator& ranks,
                      std::span<float> selected) const = 0;
  virtual void select(Rows<double> const& rows, SelectionKey key, AnyCommunicator& ranks,
                      std::span<double> selected) const = 0;
};

}  // namespace detail

class AnyAlgorithm {
  using Interface = detail::AlgorithmInterface;
  using Shared = std::shared_ptr<Interface>;

 public:
  struct advantage_type {
    Shared algorithm;
    ColumnSet needs;
    bool needs_groups, needs_greedy;

    std::string describe() const { return algorithm->describe(); }
    void check_group(std::size_t group_size) const { algorithm->check_group(group_size); }
    template <std::floating_point T, Communicator C>
    void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) const {
      AnyCommunicator ranks(communicator);
      algorithm->estimate(in, out, ranks);
    }
  };

  struct selection_type {
    Shared algorithm;

    ColumnSet wanted() const { return algorithm->selection_wanted(); }
    template <std::floating_point T, Communicator C>
    void operator()(Rows<T> const& rows, SelectionKey key, C& communicator, std::span<T> selected) const {
      AnyCommunicator ranks(communicator);
      algorithm->select(rows, key, ranks, selected);
    }
  };

  struct objective_type {
    Shared algorithm;
    ColumnSet needs;
    Scope scope;
    bool depends_on_micro_batch;
    AnyAlgorithm::selection_type selection;

    using tally_type = detail::AnyTally;
    using counts_type = detail::AnyCounts;
    using denominators_type = detail::AnyDenominators;

    std::string describe() const { return algorithm->describe(); }
    ColumnSet wanted() const { return algorithm->wanted(); }
    template <std::floating_point T>
    void count(Rows<T> const& rows, counts_type& counts) const {
      algorithm->count(rows, counts);
    }
    template <std::floating_point T>
    void evaluate(Rows<T> const& rows, denominators_type const& denominators, TokenGradients<T> gradients,
                  tally_type& tally) const {
      algorithm->evaluate(rows, denominators, gradients, tally);
    }
    void report(tally_type const& tally, Metrics& metrics) const { algorithm->report(tally, metrics); }
    void adapt(tally_type const& tally) { algorithm->adapt(tally); }
  };

  struct shaping_type {
    Shared algorithm;
    ColumnSet needs;

    std::string describe() const { return algorithm->describe(); }
    ColumnSet wanted() const { return algorithm->shaping_wanted(); }
    void adapt(double kl) { algorithm->adapt_shaping(kl); }
    template <std::floating_point T>
    void operator()(ShapingInput<T> const& in, std::span<T> token_reward, Metrics& metrics) const {
      algorithm->shape(in, token_reward, metrics);
    }
  };

  struct filter_type {
    Shared algorithm;

    std::string describe() const { return algorithm->describe(); }
    bool keeps(std::span<const double> rewards) const { return algorithm->keeps(rewards); }
    std::size_t collections() const { return algorithm->collections(); }
  };

  /// `erase` in erased_algorithm.hpp makes one of a composition.
  explicit AnyAlgorithm(std::unique_ptr<Interface> algorithm) : AnyAlgorithm(Shared(std::move(algorithm))) {}
  /// A copy has numbers and controllers of its own.
  AnyAlgorithm(AnyAlgorithm const& other) : AnyAlgorithm(other.objective.algorithm->clone()) {}
  AnyAlgorithm(AnyAlgorithm&&) = default;
  AnyAlgorithm& operator=(AnyAlgorithm const& other) { return *this = AnyAlgorithm(other); }
  AnyAlgorithm& operator=(AnyAlgorithm&&) = default;
  ~AnyAlgorithm() = default;

  std::string describe() const { return objective.describe(); }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    self.objective.algorithm->options([&](Option const& option, OptionValue value) {
      std::visit(
          [&](auto* number) {
            if constexpr (std::is_const_v<Self>)
              visit(option, std::as_const(*number));
            else
              visit(option, *number);
          },
          value);
    });
  }

  void state(State& s) { objective.algorithm->state(s); }

  advantage_type advantage;
  objective_type objective;
  shaping_type shaping;
  filter_type filter;

 private:
  explicit AnyAlgorithm(Shared a)
      : advantage{a, a->advantage_needs, a->needs_groups, a->needs_greedy},
        objective{a, a->objective_needs, a->scope, a->depends_on_micro_batch, {a}},
        shaping{a, a->shaping_needs},
        filter{a} {}
};

}  // namespace grove
