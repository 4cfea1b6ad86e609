// SPDX-License-Identifier: Apache-2.0
// At which level the probability ratio between the policy and its old self is taken.
#pragma once

#include <concepts>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/token.hpp"
#include "grove/scalar.hpp"

namespace grove {

/// A ratio and its derivative with respect to the token's log-prob.
template <std::floating_point T>
struct Ratio {
  T value = 1;
  T d_log_p = 1;
};

/// r_t = exp(log p_t - log p_old,t), as in PPO (arXiv 1707.06347, section 3).
struct TokenRatio {
  static constexpr std::string_view name = "TokenRatio";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb};

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t) const {
    T const r = exponential(t.log_p - t.log_p_old);
    return {r, r};
  }
};

/// GSPO's length-normalised sequence ratio s = exp(mean_t(log p_t - log p_old,t)) (arXiv 2507.18071, eq. 7), one number
/// for all tokens of a sequence, as its advantage must be. The loss is then repeated on each token, and under a
/// SequenceMean the derivative with respect to one token's log-prob is s/length * length * 1/length, hence `d_log_p =
/// s` here. With advantages that differ within a sequence this would be no derivative of the loss.
struct SequenceRatio {
  static constexpr std::string_view name = "SequenceRatio";
  static constexpr Scope scope = Scope::Sequence;
  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb};

  template <std::floating_point T>
  struct Stat {
    T log_ratio = 0;
  };

  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr Stat<T> prepare(Token<T> const& t) {
    return {t.log_p - t.log_p_old};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr Stat<T> combine(Stat<T> a, Stat<T> b) {
    return {a.log_ratio + b.log_ratio};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Ratio<T> operator()(Token<T> const& t, Stat<T> sum) const {
    T const s = exponential(sum.log_ratio / t.length);
    return {s, s};
  }
};

}  // namespace grove
