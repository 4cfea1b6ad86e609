// SPDX-License-Identifier: Apache-2.0
// At which level the probability ratio between the policy and its old self is taken.
#pragma once

#include <concepts>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/token.hpp"
#include "grove/scalar.hpp"

namespace grove {

/// A ratio and its derivatives with respect to the token's log-prob and, for levels with one, to the sequence's
/// statistic.
template <std::floating_point T>
struct Ratio {
  T value = 1;
  T d_log_p = 0;
  T d_stat = 0;
};

/// For exactly on-policy compositions: the ratio is 1 and nothing is differentiated through it.
struct NoRatio {
  static constexpr std::string_view name = "NoRatio";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = Column::LogProb;

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const&) const {
    return {};
  }
};

/// r_t = exp(log p_t - log p_old,t), as in PPO (arXiv 1707.06347, section 3).
struct TokenRatio {
  static constexpr std::string_view name = "TokenRatio";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb};

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t) const {
    T const r = exponential(t.log_p - t.log_p_old);
    return {.value = r, .d_log_p = r};
  }
};

/// exp(log p_t - log p_rollout,t): against what the token was sampled with, whatever passes were made since (DPPO).
struct RolloutRatio {
  static constexpr std::string_view name = "RolloutRatio";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::LogProb, Column::RolloutLogProb};

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t) const {
    T const r = exponential(t.log_p - t.log_p_rollout);
    return {.value = r, .d_log_p = r};
  }
};

/// The sequence's sum of log p - log p_old: what the sequence levels share.
struct LogRatioSum {
  static constexpr Scope scope = Scope::Sequence;
  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb};

  template <std::floating_point T>
  struct Stat {
    T log_ratio = 0;
  };

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Stat<T> prepare(Token<T> const& t) const {
    return {t.log_p - t.log_p_old};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr Stat<T> combine(Stat<T> a, Stat<T> b) {
    return {a.log_ratio + b.log_ratio};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T d_prepare(Token<T> const&) const {
    return T(1);
  }
};

/// GSPO's length-normalised ratio s = exp(mean_t(log p_t - log p_old,t)) (arXiv 2507.18071, eq. 7), one number for all
/// tokens of a sequence.
struct SequenceRatio : LogRatioSum {
  static constexpr std::string_view name = "SequenceRatio";

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t, Stat<T> sum) const {
    T const s = exponential(sum.log_ratio / t.length);
    return {.value = s, .d_stat = s / t.length};
  }
};

/// GSPO-token's ratio sg(s) p_t / sg(p_t): the value of SequenceRatio, the derivative of the single token, so that
/// advantages may differ within a sequence (arXiv 2507.18071, eq. 14).
struct SequenceTokenRatio : LogRatioSum {
  static constexpr std::string_view name = "SequenceTokenRatio";

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t, Stat<T> sum) const {
    T const s = exponential(sum.log_ratio / t.length);
    return {.value = s, .d_log_p = s};
  }
};

/// The ratio of the sequences' whole probabilities, exp(sum_t(log p_t - log p_old,t)), as TRL's RLOO clips it. It
/// leaves any clip range within a few tokens; GSPO's paper says why one takes the mean instead.
struct SequenceLikelihoodRatio : LogRatioSum {
  static constexpr std::string_view name = "SequenceLikelihoodRatio";

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const&, Stat<T> sum) const {
    T const s = exponential(sum.log_ratio);
    return {.value = s, .d_stat = s};
  }
};

}  // namespace grove
