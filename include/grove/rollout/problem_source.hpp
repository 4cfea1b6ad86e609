// SPDX-License-Identifier: Apache-2.0
// Where problems come from: a function of the draw index alone, so that the place in the data is one number and a
// resumed run goes on with exactly the problem that was due.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/data/torch_order.hpp"
#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/random.hpp"

namespace grove {

namespace detail {

template <class F, class Source>
concept ProblemFunction = !std::same_as<F, Source> && std::is_invocable_r_v<Problem, F&, std::uint64_t>;

}  // namespace detail

/// Any function from draws to problems. One that learns from results, as Curriculum does, has `learn` and `state` as
/// well.
class ProblemSource {
 public:
  template <detail::ProblemFunction<ProblemSource> F>
  ProblemSource(F source) {
    auto const kept = std::make_shared<F>(std::move(source));
    draw_ = [kept](std::uint64_t draw) -> Problem { return (*kept)(draw); };
    if constexpr (requires(std::span<double const> rates) { kept->learn(std::uint64_t{}, rates); })
      learn_ = [kept](std::uint64_t first, std::span<double const> rates) { kept->learn(first, rates); };
    if constexpr (Stateful<F>) state_ = [kept](State& s) { kept->state(s); };
  }

  Problem operator()(std::uint64_t draw) const { return draw_(draw); }

  /// Whether results are of use.
  bool learns() const { return static_cast<bool>(learn_); }
  /// The share of right answers of the draws first, first + 1, ...; not a number for a draw without completions.
  void learn(std::uint64_t first, std::span<double const> pass_rates) const {
    if (learn_) learn_(first, pass_rates);
  }
  void state(State& s) const {
    if (state_) state_(s);
  }

 private:
  std::function<Problem(std::uint64_t)> draw_;
  std::function<void(std::uint64_t, std::span<double const>)> learn_;
  std::function<void(State&)> state_;
};

/// Goes through the problems epoch after epoch, each in an order of its own that depends on the seed only.
class ShuffledProblems {
 public:
  ShuffledProblems(std::vector<Problem> problems, std::uint64_t seed)
      : problems_(std::make_shared<std::vector<Problem> const>(std::move(problems))), seed_(seed) {
    if (problems_->empty()) throw Error("data", "there is no problem in it", "at least one");
  }

  Problem operator()(std::uint64_t draw) {
    auto const n = problems_->size();
    if (order_.empty() || draw / n != epoch_) {
      epoch_ = draw / n;
      order_.resize(n);
      std::iota(order_.begin(), order_.end(), std::uint32_t{0});
      RandomSequence random(RandomStream({seed_, Purpose::Data}, epoch_));
      shuffle(std::span(order_), random);
    }
    return (*problems_)[order_[draw % n]];
  }

 private:
  std::shared_ptr<std::vector<Problem> const> problems_;
  std::uint64_t seed_;
  std::uint64_t epoch_ = 0;
  std::vector<std::uint32_t> order_;
};

/// Goes through the problems in the order of the original run, `torch.randperm` of the seed; see data/torch_order.hpp.
class TorchOrderedProblems {
 public:
  /// `chunk` is the number of prompts of a step.
  TorchOrderedProblems(std::vector<Problem> problems, std::uint64_t seed, std::size_t chunk)
      : problems_(std::make_shared<std::vector<Problem> const>(std::move(problems))),
        order_(problems_->size(), seed, chunk) {}

  Problem operator()(std::uint64_t draw) { return (*problems_)[order_(draw)]; }

 private:
  std::shared_ptr<std::vector<Problem> const> problems_;
  data::TorchOrder order_;
};

}  // namespace grove
