// SPDX-License-Identifier: Apache-2.0
// Every objective that algorithms.hpp names, and compositions of the pieces that it leaves out, with columns to run
// them on and a reference that goes token by token.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/dro.hpp"
#include "grove/objective/nll.hpp"
#include "grove/objective/rollout_correction.hpp"
#include "grove/objective/top_entropy.hpp"
#include "helpers.hpp"

namespace test {

/// f(objective) for each alias, with a KL that is on where the alias has one in the loss.
template <class F>
void for_each_alias(F const& f) {
  using namespace grove;
  auto const call = [&]<class Alg>(Alg algorithm) {
    auto& objective = algorithm.objective;
    if constexpr (requires { objective.template get<KlInLoss<K3>>(); })
      objective.template get<KlInLoss<K3>>().coefficient = 0.3;
    if constexpr (requires { objective.template get<EntropyBonus<>>(); })
      objective.template get<EntropyBonus<>>().coefficient = 0.05;
    if constexpr (requires { objective.aggregate.length; }) objective.aggregate.length = 40;
    if constexpr (requires { objective.selection.ratio; }) objective.selection.ratio = 0.1;
    if constexpr (requires { objective.selection.low; }) objective.selection.low = 0.01;
    f(objective);
  };
  std::apply([&](auto const&... algorithm) { (call(algorithm), ...); },
             std::tuple<Grpo, GrpoTokenMean, DrGrpo, Dapo, Rloo, ReinforcePlusPlus, ReinforcePlusPlusBaseline, ReMax,
                        Ppo, VcPpo, Vapo, Gspo, GspoToken, Gmpo, Cispo, Sapo, Vespo, Luspo, Opo, Otb, Gpg, PassAtK,
                        ClipCov, KlCov, Dppo, LitePpo, Gdpo, MaxRl, BnpoPaper, TrlBnpo>{});
}

/// f(objective) for pieces that no alias has, each under a mean that shows it.
template <class F>
void for_each_further(F const& f) {
  using namespace grove;
  auto const call = [&]<class A, class... Ts>(A aggregate, Ts... terms) {
    f(Terms<A, Ts...>{.aggregate = aggregate, .terms = {terms...}});
  };
  call(TokenMean<Window>{}, PolicyGradient<TokenRatio, DualClip<>>{.surrogate = {.c = 1.3}});
  call(TokenMean<Window>{}, PolicyGradient<TokenRatio, TwoSided<>>{.surrogate = {.delta = 1.25}});
  call(TokenMean<Window>{},
       PolicyGradient<TokenRatio, CappedWeight<EpsilonBand>>{.surrogate = {.bound = {.low = 0.1, .high = 0.3}}});
  call(SequenceMean<Window>{}, PolicyGradient<TokenRatio, Dro>{.surrogate = {.beta = 0.7}});
  call(SequenceMean<Window>{}, PolicyGradient<SequenceRatio, Clip, IcePop>{.weights = {IcePop{.low = 0.8}}});
  call(SequenceMean<Window>{},
       PolicyGradient<SequenceLikelihoodRatio, Plain, TruncatedImportance>{.weights = {{.low = 0.7, .high = 1.2}}});
  call(SequenceMean<Window>{}, PolicyGradient<GeometricRatio, Plain, TruncatedImportance>{
                                   .ratio = {.low = 0.1, .high = 0.2}, .weights = {{.low = 0.7, .high = 1.2}}});
  call(SequenceSum<Window>{}, PolicyGradient<TokenRatio, Clip, SequenceTruncatedImportance, OffPolicySequenceMask>{
                                  .weights = {{}, {.delta = 0.02}}});
  SequenceMask sequence_mask;
  sequence_mask.low = 0.5;
  call(TokenMean<Window>{}, PolicyGradient<TokenRatio, Clip, SequenceMask>{.weights = {sequence_mask}});
  GeometricMask geometric_mask;
  geometric_mask.low = 0.9;
  geometric_mask.high = 1.1;
  call(TokenMean<Window>{}, PolicyGradient<TokenRatio, Clip, GeometricMask>{.weights = {geometric_mask}});
  call(TokenMean<Window>{},
       PolicyGradient<RolloutRatio, Plain, DivergenceMask<BinaryKl>>{.weights = {{.low = 0.01, .high = 0.02}}});
  call(TokenMean<Window>{}, PolicyGradient<TokenRatio, Clip, Keeping<TopEntropy>>{},
       EntropyBonus<FixedEntropy, TokenMean<Window>, TopEntropy>{.coefficient = 0.1});
  call(TokenMean<Window>{}, KlInLoss<K3, ImportanceWeighted>{.coefficient = 0.7});
  call(TokenMean<Window>{}, KlInLoss<K1, ImportanceWeighted>{.coefficient = 0.7});
  call(SequenceMean<Window>{}, KlInLoss<K2, ImportanceWeighted, AdaptiveKl>{.coefficient = 0.7});
  call(SequenceMean<Window>{}, NegativeLogLikelihood{}, PositiveExampleNll{.coefficient = 0.3},
       ValueLoss<>{.coefficient = 0.5, .clip = 0.1});
}

template <class F>
void for_each_composition(F const& f) {
  for_each_alias(f);
  for_each_further(f);
}

/// All columns, with advantages that differ within a sequence if `per_token`.
inline Columns<double> all_columns(std::uint64_t seed, bool per_token, std::vector<std::size_t> lengths) {
  Columns<double> c{.lengths = std::move(lengths)};
  grove::RandomStream const random({.seed = seed});
  for (std::uint32_t s = 0; s < c.lengths.size(); ++s) {
    double const advantage = grove::normal(random, {.index = 20, .sample = s});
    double const reward = grove::normal(random, {.index = 21, .sample = s});
    for (std::uint32_t t = 0; t < c.lengths[s]; ++t) {
      auto const draw = [&](std::uint32_t i) { return grove::normal(random, {.index = i, .sample = s, .token = t}); };
      c.counts.push_back(s != 6 && draw(0) < 1.2);
      c.log_p.push_back(-0.1 - std::abs(draw(1)));
      c.log_p_old.push_back(c.log_p.back() + 0.3 * draw(2));
      c.log_p_ref.push_back(c.log_p.back() + 0.3 * draw(3));
      c.log_p_rollout.push_back(c.log_p_old.back() + 0.15 * draw(4));
      c.entropy.push_back(std::abs(draw(5)));
      c.advantage.push_back(per_token ? draw(6) : advantage);
      c.value.push_back(draw(7));
      c.value_old.push_back(c.value.back() + 0.2 * draw(8));
      c.return_.push_back(draw(9));
      c.reward.push_back(reward);
    }
  }
  return c;
}

/// Ragged: an empty sequence, one-token sequences, one without a token that counts.
inline Columns<double> ragged(std::uint64_t seed, bool per_token) {
  return all_columns(seed, per_token, {5, 9, 0, 1, 7, 12, 3, 6, 30, 1});
}

/// Fills in `selected` as a trainer would before the optimizer step.
template <class T, class O>
Columns<T> with_selection(O const& objective, Columns<T> columns) {
  columns.selected.assign(columns.counts.size(), T(0));
  if (objective.selection.wanted().empty()) return columns;
  Gathered<T> const all(columns, columns.whole()[0]);
  grove::Solo solo;
  objective.selection(all.rows(0, columns.counts.size()), {.seed = 3, .step = 1, .update = 2}, solo,
                      std::span(columns.selected));
  return columns;
}

/// The objective token by token, as its header writes it.
template <class O>
class Reference {
 public:
  Reference(O const& objective, Columns<double> const& columns) : objective_(objective), columns_(columns) {}

  /// Loss and derivatives; `detached` stands for log_p where a term holds it constant.
  Answer<double> operator()(std::vector<double> const& detached) const {
    std::vector<double> const zeros(columns_.log_p.size());
    Answer<double> answer{.d_log_p = zeros, .d_entropy = zeros, .d_value = zeros};
    std::apply([&](auto const&... term) { (add(term, detached, answer), ...); }, objective_.terms);
    return answer;
  }

 private:
  template <class Term>
  void add(Term const& term, std::vector<double> const& detached, Answer<double>& answer) const {
    if (term.wanted().empty()) return;
    auto const starts = columns_.starts();
    auto const length = [&](std::size_t s) {
      double n = 0;
      for (auto i = starts[s]; i < starts[s + 1]; ++i) n += columns_.counts[i];
      return n;
    };
    auto const included = [&](std::size_t i, double n) {
      if constexpr (requires { Term::includes(token(i, n, detached)); })
        return columns_.counts[i] && Term::includes(token(i, n, detached));
      else
        return columns_.counts[i] != 0;
    };
    grove::Counts counts{.sequences = static_cast<double>(columns_.lengths.size())};
    for (std::size_t s = 0; s < columns_.lengths.size(); ++s)
      for (auto i = starts[s]; i < starts[s + 1]; ++i) counts.tokens += included(i, length(s));
    grove::Denominators const denominators{.micro_batch = counts, .data_parallel = counts, .window = counts};
    for (std::size_t s = 0; s < columns_.lengths.size(); ++s) {
      double const n = length(s);
      double const weight = aggregate_of(term).weight(denominators, n);
      std::vector<std::size_t> tokens;
      for (auto i = starts[s]; i < starts[s + 1]; ++i)
        if (included(i, n)) tokens.push_back(i);
      auto const add_token = [&](std::size_t i, auto const& value) {
        answer.loss += weight * value.loss;
        answer.d_log_p[i] += weight * value.d_log_p;
        answer.d_entropy[i] += weight * value.d_entropy;
        answer.d_value[i] += weight * value.d_value;
      };
      if constexpr (Term::scope == grove::Scope::Sequence) {
        decltype(term.prepare(token(0, n, detached))) stat{};
        for (auto i : tokens) stat = Term::combine(stat, term.prepare(token(i, n, detached)));
        double d_stat = 0;
        for (auto i : tokens) {
          auto const value = term(token(i, n, detached), stat);
          add_token(i, value);
          d_stat += weight * value.d_stat;
        }
        for (auto i : tokens) answer.d_log_p[i] += d_stat * term.d_prepare(token(i, n, detached));
      } else {
        for (auto i : tokens) add_token(i, term(token(i, n, detached)));
      }
    }
  }

  template <class Term>
  auto const& aggregate_of(Term const& term) const {
    if constexpr (requires { term.aggregate; })
      return term.aggregate;
    else
      return objective_.aggregate;
  }

  grove::Token<double> token(std::size_t i, double length, std::vector<double> const& detached) const {
    auto const& c = columns_;
    return {.log_p = c.log_p[i],
            .log_p_detached = detached[i],
            .log_p_old = c.log_p_old[i],
            .log_p_rollout = c.log_p_rollout[i],
            .log_p_ref = c.log_p_ref[i],
            .entropy = c.entropy[i],
            .advantage = c.advantage[i],
            .value = c.value[i],
            .value_old = c.value_old[i],
            .return_ = c.return_[i],
            .reward = c.reward[i],
            .selected = c.selected[i],
            .length = length};
  }

  O const& objective_;
  Columns<double> const& columns_;
};

}  // namespace test
