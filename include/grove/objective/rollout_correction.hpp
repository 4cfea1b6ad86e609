// SPDX-License-Identifier: Apache-2.0
// Weights of a token's policy gradient that correct for a sampler whose log-probs differ from the trainer's: with
// rho_t = p_old,t / p_rollout,t, or a mask. All are constants of the derivative. Inside one Grove process sampler and
// trainer agree and every weight is 1; they are for sampling with other weights or another engine.
#pragma once

#include <concepts>
#include <limits>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

namespace detail {

inline constexpr double unbounded = std::numeric_limits<double>::infinity();

/// Sum of log rho over a sequence.
struct LogRhoSum {
  static constexpr Scope scope = Scope::Sequence;
  static constexpr bool corrects_rollout_by_sequence = true;
  static constexpr ColumnSet needs = {Column::OldLogProb, Column::RolloutLogProb};

  template <std::floating_point T>
  struct Stat {
    T log_rho = 0;
  };

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Stat<T> prepare(Token<T> const& t) const {
    return {t.log_p_old - t.log_p_rollout};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr Stat<T> combine(Stat<T> a, Stat<T> b) {
    return {a.log_rho + b.log_rho};
  }
};

template <class Self, class Visit>
void correction_options(Self& self, Visit&& visit) {
  visit(Option{"vllm_importance_sampling_clip_min", "smallest weight p_old / p_rollout", at_least(0)}, self.low);
  visit(Option{.name = "vllm_importance_sampling_clip_max",
               .help = "largest weight p_old / p_rollout",
               .range = or_infinite(above(0)),
               .floor = {"vllm_importance_sampling_clip_min"}},
        self.high);
}

}  // namespace detail

/// Truncated importance sampling, clamp(rho_t, low, high): no token weighs more than `high`
/// (fengyao.notion.site/off-policy-rl). verl has 2, TRL 3, OpenRLHF [0.5, 5].
struct TruncatedImportance {
  double low = 0;
  double high = 2;

  static constexpr std::string_view name = "TruncatedImportance";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::OldLogProb, Column::RolloutLogProb};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    detail::correction_options(self, visit);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const& t) const {
    return smaller(larger(exponential(t.log_p_old - t.log_p_rollout), static_cast<T>(low)), static_cast<T>(high));
  }
};

/// IcePop (arXiv 2510.18855): rho_t where it lies in [low, high], else 0.
struct IcePop {
  double low = 0.5;
  double high = 5;

  static constexpr std::string_view name = "IcePop";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::OldLogProb, Column::RolloutLogProb};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    detail::correction_options(self, visit);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const& t) const {
    T const rho = exponential(t.log_p_old - t.log_p_rollout);
    return indicator<T>((rho >= static_cast<T>(low)) & (rho <= static_cast<T>(high))) * rho;
  }
};

/// clamp(prod_t rho_t, low, high): one weight a sequence. The product leaves any bound by noise alone when answers are
/// long.
struct SequenceTruncatedImportance : detail::LogRhoSum {
  double low = 0;
  double high = 3;

  static constexpr std::string_view name = "SequenceTruncatedImportance";

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    detail::correction_options(self, visit);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const&, Stat<T> sum) const {
    return smaller(larger(exponential(sum.log_rho), static_cast<T>(low)), static_cast<T>(high));
  }
};

/// prod_t rho_t where it lies in [low, high], else 0. TRL's default with an outside engine (3).
struct SequenceMask : detail::LogRhoSum {
  double low = 0;
  double high = 3;

  static constexpr std::string_view name = "SequenceMask";

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    detail::correction_options(self, visit);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const&, Stat<T> sum) const {
    T const rho = exponential(sum.log_rho);
    return indicator<T>((rho >= static_cast<T>(low)) & (rho <= static_cast<T>(high))) * rho;
  }
};

/// Drops a sequence whose geometric mean of rho lies outside [low, high]; others weigh 1 (verl's `seq_mean_k1`
/// rejection).
struct GeometricMask : detail::LogRhoSum {
  double low = 0.999;
  double high = 1.001;

  static constexpr std::string_view name = "GeometricMask";

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    detail::correction_options(self, visit);
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const& t, Stat<T> sum) const {
    T const rho = exponential(sum.log_rho / t.length);
    return indicator<T>((rho >= static_cast<T>(low)) & (rho <= static_cast<T>(high)));
  }
};

/// DeepSeek-V3.2's off-policy sequence mask (arXiv 2512.02556, section 3.1): drops a sequence with a negative advantage
/// whose mean log p_rollout - log p exceeds delta.
struct OffPolicySequenceMask {
  double delta = detail::unbounded;

  static constexpr std::string_view name = "OffPolicySequenceMask";
  static constexpr Scope scope = Scope::Sequence;
  static constexpr ColumnSet needs = {Column::LogProb, Column::RolloutLogProb};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"off_policy_mask_threshold", "mean log p_rollout - log p from which a sequence is dropped",
                 or_infinite(at_least(0))},
          self.delta);
  }

  template <std::floating_point T>
  struct Stat {
    T divergence = 0;
  };

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr Stat<T> prepare(Token<T> const& t) const {
    return {t.log_p_rollout - t.log_p_detached};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE static constexpr Stat<T> combine(Stat<T> a, Stat<T> b) {
    return {a.divergence + b.divergence};
  }
  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const& t, Stat<T> sum) const {
    return indicator<T>((t.advantage >= 0) | (sum.divergence / t.length <= static_cast<T>(delta)));
  }
};

}  // namespace grove
