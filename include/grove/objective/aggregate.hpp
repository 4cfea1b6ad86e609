// SPDX-License-Identifier: Apache-2.0
// How per-token losses become one number. The set of tokens that a mean is taken over (its scope) is part of the type,
// because taking the wrong one is the most frequent silent error of this field: it changes gradients, not shapes.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "grove/error.hpp"
#include "grove/option.hpp"

namespace grove {

/// How many sequences and counted tokens a mean is taken over.
struct Counts {
  double sequences = 0;
  double tokens = 0;

  Counts& operator+=(Counts const& other) {
    sequences += other.sequences;
    tokens += other.tokens;
    return *this;
  }
};

/// The counts an aggregate may need, as the trainer knows them for one micro-batch.
struct Denominators {
  Counts micro_batch;        ///< this rank, this micro-batch
  Counts data_parallel;      ///< all ranks, this micro-batch
  Counts window;             ///< all ranks, all micro-batches of the optimizer step
  double micro_batches = 1;  ///< micro-batches of the optimizer step on one rank
  double ranks = 1;
};

/// Mean over one rank's micro-batch; the results are then averaged. Depends on how the batch is split.
struct Local {
  static constexpr std::string_view name = "Local";
  static Counts counts(Denominators const& d) { return d.micro_batch; }
  static double parts(Denominators const& d) { return d.micro_batches * d.ranks; }
};

/// Mean over all ranks' micro-batches of one accumulation step; the results are then averaged.
struct DataParallel {
  static constexpr std::string_view name = "DataParallel";
  static Counts counts(Denominators const& d) { return d.data_parallel; }
  static double parts(Denominators const& d) { return d.micro_batches; }
};

/// Mean over everything that enters one optimizer step. Independent of micro-batches, packing and ranks.
struct Window {
  static constexpr std::string_view name = "Window";
  static Counts counts(Denominators const& d) { return d.window; }
  static double parts(Denominators const&) { return 1; }
};

template <class S>
concept NormalizerScope = requires(Denominators const& d) {
  { S::counts(d) } -> std::same_as<Counts>;
  { S::parts(d) } -> std::convertible_to<double>;
};

namespace detail {
/// 1 / (count * parts), and 0 for an empty set: no token, no gradient.
constexpr double reciprocal(double count, double parts) { return count > 0 ? 1.0 / (count * parts) : 0.0; }
}  // namespace detail

/// sum over tokens / number of tokens (DAPO, arXiv 2503.14476, eq. 8).
template <class S = Window>
struct TokenMean {
  static_assert(NormalizerScope<S>,
                "grove::TokenMean: its argument is the scope of the mean: Window, DataParallel or Local.");

  using scope = S;
  static std::string describe() { return "TokenMean<" + std::string(S::name) + ">"; }
  double weight(Denominators const& d, double) const { return detail::reciprocal(S::counts(d).tokens, S::parts(d)); }
};

/// mean over sequences of the mean over their tokens (GRPO, arXiv 2402.03300, eq. 3).
template <class S = Window>
struct SequenceMean {
  static_assert(NormalizerScope<S>,
                "grove::SequenceMean: its argument is the scope of the mean: Window, DataParallel or Local.");

  using scope = S;
  static std::string describe() { return "SequenceMean<" + std::string(S::name) + ">"; }
  double weight(Denominators const& d, double length) const {
    return length > 0 ? detail::reciprocal(S::counts(d).sequences, S::parts(d)) / length : 0.0;
  }
};

/// mean over sequences of the sum over their tokens.
template <class S = Window>
struct SequenceSum {
  static_assert(NormalizerScope<S>,
                "grove::SequenceSum: its argument is the scope of the mean: Window, DataParallel or Local.");

  using scope = S;
  static std::string describe() { return "SequenceSum<" + std::string(S::name) + ">"; }
  double weight(Denominators const& d, double) const { return detail::reciprocal(S::counts(d).sequences, S::parts(d)); }
};

/// sum over tokens / (sequences * a constant length), so that long answers are not favoured (Dr. GRPO, 2503.20783).
template <class S = Window>
struct ConstantLength {
  static_assert(NormalizerScope<S>,
                "grove::ConstantLength: its argument is the scope of the mean: Window, DataParallel or Local.");

  using scope = S;
  double length = 0;  ///< the longest completion allowed, in tokens; must be set
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"max_completion_length", "the constant length that stands for every sequence's, in tokens", above(0)},
          self.length);
  }
  static std::string describe() { return "ConstantLength<" + std::string(S::name) + ">"; }
  double weight(Denominators const& d, double) const {
    if (!(length > 0))
      throw Error("ConstantLength", "length is " + std::to_string(length), "the longest completion allowed, in tokens");
    return detail::reciprocal(S::counts(d).sequences, S::parts(d)) / length;
  }
};

/// A token's weight in the loss, from the counts and the number of tokens of its sequence that count.
template <class A>
concept Aggregate = requires(A const& a, Denominators const& d, double length) {
  typename A::scope;
  { a.weight(d, length) } -> std::same_as<double>;
  { A::describe() } -> std::convertible_to<std::string>;
};

}  // namespace grove
